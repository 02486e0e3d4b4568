/** Requests to the runtime. The cookie authorizes; an error carries the server's own sentence. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** The server could not be reached at all. */
export class Unreachable extends Error {}

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return request(path, { method, ...sent });
}

async function request(path: string, more: RequestInit): Promise<Response> {
  const init: RequestInit = { ...more, credentials: "same-origin", cache: "no-store" };
  try {
    return await fetch(path, init);
  } catch {
    throw new Unreachable(`${path}: no answer from the server`);
  }
}

async function read<T>(answer: Response, path: string): Promise<T> {
  const value: unknown = await answer.json().catch(() => null);
  if (answer.ok) return value as T;
  const { detail, error } = (value ?? {}) as { detail?: unknown; error?: unknown };
  throw new Refused(
    answer.status,
    typeof error === "string" ? error : "",
    typeof detail === "string" ? detail : `${path} answered ${answer.status}`,
  );
}

export const get = async <T>(path: string): Promise<T> => read<T>(await ask("GET", path), path);

const send = (method: string) => async <T>(path: string, body: unknown = {}): Promise<T> =>
  read<T>(await ask(method, path, body), path);

export const post = send("POST");
export const put = send("PUT");
export const patch = send("PATCH");

export const upload = async <T>(path: string, file: Blob, type: string): Promise<T> =>
  read<T>(await request(path, { method: "POST", body: file, headers: { "content-type": type } }), path);
