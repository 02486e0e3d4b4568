/** The few pictures of the page, drawn with one stroke width. Decoration: the text beside them names things. */
const PATHS = {
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5Z",
  keys: "M2 4.5h12v7H2zM4.5 7h.01M7 7h.01M9.5 7h.01M12 7h.01M5 9.5h6",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  replay: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3",
  send: "M8 13V3.5M4 7.5l4-4 4 4",
  stop: "M4.5 4.5h7v7h-7z",
  copy: "M6 6h7v7H6zM3 10V3h7",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM10 10l3.5 3.5",
  down: "M8 3v9M4.5 8.5 8 12l3.5-3.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  bug: "M5 6.5a3 3 0 0 1 6 0V10a3 3 0 0 1-6 0ZM6 4 4.8 2.5M10 4l1.2-1.5M5 7.5H2.5M5 10l-2 1.5M11 7.5h2.5M11 10l2 1.5",
  fork: "M4 13V3M4 9c0-3 7-1 7-5M9 5.5l2-2.5 2 2.5",
  sides: "M3 3.5h3.5v9H3zM9.5 3.5H13v9H9.5z",
  save: "M8 2.5v7M5 7l3 3 3-3M3 10.5v3h10v-3",
  open: "M8 10V3M5 5.5l3-3 3 3M3 10.5v3h10v-3",
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  back: "M10 3.5 5.5 8l4.5 4.5",
  on: "M6 3.5 10.5 8 6 12.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
