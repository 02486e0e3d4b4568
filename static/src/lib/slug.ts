const LONGEST = 48;

/** A file name from a sentence: its first words, plain letters, nothing a file system minds. */
export function slug(text: string): string {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  if (words.length <= LONGEST) return words || "run";
  return words.slice(0, LONGEST + 1).replace(/-[^-]*$/, "").slice(0, LONGEST);
}
