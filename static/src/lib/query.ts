/** The small filter language of the events console: words, `node:x`, `event:x`, `run:x`, `-word`. */
export interface Searchable {
  readonly event: string;
  readonly node?: string;
  readonly run_id?: string;
}

type Test = (item: Searchable) => boolean;

const texts = new WeakMap<object, string>();

function textOf(item: Searchable): string {
  let text = texts.get(item);
  if (text === undefined) {
    text = JSON.stringify(item).toLowerCase();
    texts.set(item, text);
  }
  return text;
}

function term(word: string): Test {
  if (word.startsWith("-") && word.length > 1) {
    const inner = term(word.slice(1));
    return (item) => !inner(item);
  }
  const [, field, value = ""] = /^(node|event|run):(.*)$/.exec(word) ?? [];
  if (field === "node") return (item) => (item.node ?? "").toLowerCase().startsWith(value);
  if (field === "event") return (item) => item.event.startsWith(value);
  if (field === "run") return (item) => (item.run_id ?? "").includes(value);
  return (item) => textOf(item).includes(word);
}

export function compile(filter: string): Test {
  const tests = filter.toLowerCase().split(/\s+/).filter(Boolean).map(term);
  return (item) => tests.every((test) => test(item));
}
