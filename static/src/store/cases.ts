/** A run made into a test: asked for by run, and played from its cassette. */
import { post } from "../wire/http";
import type { CaseOf, Judged } from "../wire/lines";

export const caseOf = (run_id: string, cassette: string): Promise<CaseOf> =>
  post<CaseOf>(`/api/traces/${encodeURIComponent(run_id)}/test`, { cassette });

export const play = (made: CaseOf): Promise<Judged> => post<Judged>("/api/replays", { case: made.case, cassette: made.cassette });
