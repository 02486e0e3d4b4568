/** Which model answers, and how to have another one answer. */
import "../styles/model.css";
import { useEffect } from "preact/hooks";
import { load, models } from "../store/models";
import { attempt } from "../store/notice";
import { info } from "../store/session";
import type { Offer } from "../wire/lines";
import { Copy } from "../ui/bits";
import { Dialog } from "../ui/Dialog";

const LISTED = 6;

function Found({ offer }: { readonly offer: Offer }) {
  const rest = offer.models.length - LISTED;
  return (
    <li class="offer">
      <p><strong>{offer.name}</strong> <span class="faint mono">{offer.base_url}</span></p>
      <p class="faint">{offer.models.length ? `${offer.models.slice(0, LISTED).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}` : "It names no model."}</p>
      <div class="offer-use"><pre tabIndex={0} aria-label={`How to use ${offer.name}`}>{offer.use}</pre><Copy label="copy" text={() => offer.use} /></div>
    </li>
  );
}

/** Looked for only while the built-in model answers. */
function Here() {
  const offers = models.value?.offers;
  return (
    <>
      <h3>On this machine</h3>
      <ul>{offers?.map((offer) => <Found key={offer.base_url} offer={offer} />)}</ul>
      <p class="faint">{!offers ? "Looking …" : offers.length ? "None of them is used unless you start it so." : "No model server answers at its usual port."}</p>
    </>
  );
}

export function ModelDialog({ onClose }: { readonly onClose: () => void }) {
  useEffect(() => void attempt(load()), []);
  const model = info.value?.model;
  return (
    <Dialog label="Model" kind="sheet" onClose={onClose}>
      <h2>Model</h2>
      <p class="model-about">Answers come from {model?.builtin ? `the ${model.label}` : <><span class="mono">{model?.model}</span> at <span class="mono">{models.value?.active.base_url ?? "its server"}</span></>}.</p>
      <p class="model-about">For {model?.builtin ? "a real" : "another"} one: {info.value?.connect_hint}.</p>
      {model?.builtin ? <Here /> : null}
    </Dialog>
  );
}
