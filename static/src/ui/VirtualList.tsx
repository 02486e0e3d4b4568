/**
 * A list of any length of which only the visible rows exist. Rows are recycled by slot, not keyed by
 * item: scrolling and streaming change text in place and never create or remove elements.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly id: string;
  readonly count: number;
  /** Items dropped at the front so far, less those that came in there: the view stays on what it shows. */
  readonly dropped?: number;
  readonly rowHeight: number;
  readonly row: (index: number) => ComponentChildren;
  readonly selected: number;
  readonly onSelect: (index: number) => void;
  readonly follow?: boolean;
  readonly onFollow?: (follow: boolean) => void;
}

const EXTRA = 6;

export function VirtualList(props: Props) {
  const { count, rowHeight, dropped = 0, follow = false, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(400);
  const [top, setTop] = useState(0);
  const placed = useRef(0);
  const lastDropped = useRef(dropped);
  const lastSelected = useRef(-1);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const moved = dropped - lastDropped.current;
    lastDropped.current = dropped;
    const was = lastSelected.current - moved;
    lastSelected.current = selected;
    if (follow) element.scrollTop = count * rowHeight;
    else {
      // At the very top what comes in is what is looked for.
      if (moved && element.scrollTop > 0) element.scrollTop = Math.max(0, element.scrollTop - moved * rowHeight);
      if (selected >= 0 && selected !== was) reveal(element, selected, rowHeight);
    }
    placed.current = element.scrollTop;
  }, [count, dropped, follow, height, selected]);

  const scrolled = (): void => {
    const element = box.current;
    if (!element) return;
    setTop(element.scrollTop);
    const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - rowHeight;
    if (follow && element.scrollTop < placed.current - 2 && !atEnd) props.onFollow?.(false);
    else if (!follow && atEnd) props.onFollow?.(true);
    placed.current = element.scrollTop;
  };

  const key = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -count, End: count }[event.key];
    if (step === undefined || count === 0) return;
    event.preventDefault();
    props.onSelect(Math.min(count - 1, Math.max(0, selected < 0 ? (step > 0 ? 0 : count - 1) : selected + step)));
  };

  const shown = Math.ceil(height / rowHeight) + 2 * EXTRA;
  const from = Math.max(0, Math.min(follow ? count : Math.floor(top / rowHeight) - EXTRA, count - shown));
  const slots = Array.from({ length: Math.min(shown, count) }, (_, slot) => {
    const index = from + ((slot - from) % shown + shown) % shown;
    return { slot, index };
  });

  return (
    <div
      ref={box} class="virtual" role="listbox" aria-label={props.label} tabIndex={0} onScroll={scrolled} onKeyDown={key}
      aria-activedescendant={selected >= from && selected < from + shown ? `${props.id}-${selected}` : undefined}
    >
      <div class="virtual-space" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {slots.map(({ slot, index }) =>
          index < count ? (
            <div
              key={slot} id={`${props.id}-${index}`} role="option" aria-selected={index === selected} aria-posinset={index + 1}
              aria-setsize={count} class="virtual-row" style={{ transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` }}
              onClick={() => props.onSelect(index)}
            >
              {props.row(index)}
            </div>
          ) : null,
        )}
      </div>
    </div>
  );
}

function reveal(element: HTMLElement, index: number, rowHeight: number): void {
  const top = index * rowHeight;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight;
}
