/** A run as a test: the checks that were proposed, what each was proved on, and the two files. */
import "../styles/debug.css";
import { useEffect, useState } from "preact/hooks";
import { count, pretty } from "../lib/format";
import { slug } from "../lib/slug";
import { caseOf, play } from "../store/cases";
import type { RunView } from "../store/visits";
import type { CaseOf, Judged, ProposedCheck } from "../wire/lines";
import { Status } from "../ui/bits";
import { Dialog } from "../ui/Dialog";
import { FileLink } from "../ui/FileLink";
import { AtWork } from "./AtWork";

const told = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function Row({ check }: { readonly check: ProposedCheck }) {
  return (
    <tr class={check.vacuous ? "left-out" : ""}>
      <td>{check.check}</td>
      <td>{check.vacuous ? "nothing: it is vacuous, and left out" : check.fails_on.join(", ")}</td>
    </tr>
  );
}

function Played({ made }: { readonly made: CaseOf }) {
  const [judged, setJudged] = useState<Judged | "playing" | string>("");
  const start = (): void => {
    setJudged("playing");
    play(made).then(setJudged, (error: unknown) => setJudged(told(error)));
  };
  return (
    <>
      <button type="button" class="quiet" aria-disabled={judged === "playing"} onClick={() => { if (judged !== "playing") start(); }}>play it</button>
      <span role="status">
        {typeof judged === "string" ? (judged === "playing" ? "playing …" : judged) : (
          <><Status of={judged.failed ? "fail" : "pass"} bare /> {count(judged.passed)} passed, {count(judged.failed)} failed</>
        )}
      </span>
    </>
  );
}

function Made({ made, name }: { readonly made: CaseOf; readonly name: string }) {
  const kept = made.checks.filter((check) => !check.vacuous).length;
  return (
    <>
      <p role="status">{count(kept)} checks; each holds for this run and fails on what stands beside it.</p>
      <div class="table-box checks" tabIndex={0} role="region" aria-label="Proposed checks">
        <table><thead><tr><th scope="col">check</th><th scope="col">fails on</th></tr></thead><tbody>{made.checks.map((check, at) => <Row key={at} check={check} />)}</tbody></table>
      </div>
      <details><summary>the case</summary><pre class="excerpt" tabIndex={0}>{made.case}</pre></details>
      <p class="faint">Put both into <code>testcases/</code>, then: <code>python3 run.py suite testcases/{name}.md</code>. The cassette holds what the run held: look at it before you share it.</p>
      <div class="foot">
        <FileLink name={`${name}.md`} type="text/markdown" text={made.case} />
        <FileLink name={`${name}.cassette.json`} type="application/json" text={pretty(made.cassette)} />
        <Played made={made} />
      </div>
      <AtWork which={(one) => one.kind === "test"} />
    </>
  );
}

export function TestDialog({ run, onClose }: { readonly run: RunView; readonly onClose: () => void }) {
  const [made, setMade] = useState<CaseOf>();
  const [fault, setFault] = useState("");
  const name = slug(run.message || run.kind);
  useEffect(() => {
    caseOf(run.run_id, `${name}.cassette.json`).then(setMade, (error: unknown) => setFault(told(error)));
  }, [run.run_id]);
  return (
    <Dialog label="Make a test" kind="broad" onClose={onClose}>
      <h2>A test of this run</h2>
      {fault ? <p class="fault" role="alert">{fault}</p> : made ? <Made made={made} name={name} /> : <p class="faint" role="status" aria-busy="true">Proposing checks, and proving each on mutations of the run …</p>}
      <div class="foot"><button type="button" class="quiet" autofocus onClick={onClose}>close</button></div>
    </Dialog>
  );
}
