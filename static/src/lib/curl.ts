/** Shell commands that repeat what the page shows. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function readCommand(origin: string, path: string): string {
  return `curl -H "Authorization: Bearer $AGENT_TOKEN" ${quote(origin + path)}`;
}

/** The model request exactly as it was sent, for any OpenAI-compatible server. */
export function modelCommand(request: unknown): string {
  return `curl "$AGENT_LLM_BASE_URL/chat/completions" -H "Authorization: Bearer $AGENT_LLM_API_KEY" --json ${quote(
    JSON.stringify(request),
  )}`;
}
