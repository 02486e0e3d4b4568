/** A text that can be saved under a name. */
import { useEffect, useMemo } from "preact/hooks";
import { Icon } from "./Icon";

export function FileLink({ name, type, text }: { readonly name: string; readonly type: string; readonly text: string }) {
  const address = useMemo(() => URL.createObjectURL(new Blob([text], { type })), [text, type]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  return <a class="quiet" href={address} download={name}><Icon name="save" /><span>{name}</span></a>;
}
