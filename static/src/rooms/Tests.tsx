/** Suites, steps and checks, check by check as the runner reports them. */
import "../styles/tests.css";
import { count, stamp } from "../lib/format";
import { fields, text } from "../lib/json";
import { go, place } from "../store/place";
import { bad, shownTests, type Step, type Suite, suites, tally } from "../store/tests";
import type { TestRecord, TestResult } from "../wire/lines";
import { Empty, Figure, Status } from "../ui/bits";

const openRun = (run: string): void => go({ room: "frames", run, frame: 0, node: "", visit: 1 }, true);

/** The name of a check that was reported last; it leads to its run where that is known. */
function Last({ value }: { readonly value: unknown }) {
  const { step, check, run_id } = fields(value);
  const name = typeof value === "string" ? value : [text(step), text(check)].filter(Boolean).join(" · ");
  if (!name) return <>—</>;
  return run_id ? <button type="button" class="link mono" onClick={() => openRun(text(run_id))}>{name}</button> : <>{name}</>;
}

function Check({ result }: { readonly result: TestResult }) {
  const { run_id, line } = result;
  return (
    <li class={bad(result) ? "check check-bad" : "check"}>
      <Status of={result.status.toLowerCase()} />
      {run_id ? <button type="button" class="link" onClick={() => openRun(run_id)}>{result.check}</button> : <span>{result.check}</span>}
      <span class="faint mono">{line ? `line ${line}` : ""}</span>
      {result.detail && bad(result) ? <pre>{result.detail}</pre> : null}
    </li>
  );
}

function StepView({ step, open, failedOnly }: { readonly step: Step; readonly open: boolean; readonly failedOnly: boolean }) {
  const checks = failedOnly ? step.checks.filter(bad) : step.checks;
  return (
    <details class="step" open={open}>
      <summary>
        <Status of={step.failed ? "fail" : "pass"} bare />
        <span>{step.name}{step.flaky ? <span class="tag">flaky</span> : null}</span>
        <span class="faint mono">{step.checks.length - step.failed}/{step.checks.length}</span>
      </summary>
      <ul>{checks.map((result, index) => <Check key={index} result={result} />)}</ul>
    </details>
  );
}

function SuiteView({ suite, working, failedOnly }: { readonly suite: Suite; readonly working: boolean; readonly failedOnly: boolean }) {
  const steps = failedOnly ? suite.steps.filter((step) => step.failed) : suite.steps;
  const newest = suite.steps[suite.steps.length - 1];
  return (
    <>
      {suite.name ? <h3 class="suite"><Status of={suite.failed ? "fail" : "pass"} bare /> {suite.name} <span class="faint mono">{suite.checks - suite.failed}/{suite.checks}</span></h3> : null}
      {steps.map((step) => <StepView key={step.name} step={step} open={step.failed > 0 || (working && step === newest)} failedOnly={failedOnly} />)}
    </>
  );
}

function Progress() {
  const { done, failed, passed, expected } = tally.value;
  const whole = Math.max(expected ?? done, done, 1);
  return (
    <svg class="progress" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={`${passed} passed, ${failed} failed of ${expected ?? done}`}>
      <rect class="progress-all" width="100" height="4" />
      <rect class="progress-pass" width={(passed / whole) * 100} height="4" />
      <rect class="progress-fail" x={(passed / whole) * 100} width={(failed / whole) * 100} height="4" />
    </svg>
  );
}

function Head({ now }: { readonly now: TestRecord & { readonly finished?: number } }) {
  const { failed } = tally.value;
  const failedOnly = place.value.only === "failed";
  return (
    <div class="tests-head">
      <h2>{now.finished ? "Latest run" : "Suite"}</h2>
      <Status of={now.stale ? "interrupted" : now.running ? "running" : failed ? "fail" : "pass"} />
      {now.stale ? <span class="faint">the runner has been silent for a minute</span> : null}
      {now.finished ? <span class="faint">ended {stamp(now.finished)}</span> : null}
      <span class="grow" />
      <button type="button" class="quiet" aria-pressed={failedOnly} onClick={() => go({ only: failedOnly ? "" : "failed" })}>
        <span class="glyph" aria-hidden="true">{failedOnly ? "●" : "○"}</span>failed only
      </button>
    </div>
  );
}

/** The record joins step and check without a gap; the newest result knows where one ends. */
function doing({ current, results }: TestRecord): string {
  const step = results[results.length - 1]?.step ?? "";
  return step && current.startsWith(step) ? `${step} · ${current.slice(step.length)}` : current || "starting";
}

export function Tests() {
  const now = shownTests.value;
  if (!now) {
    return (
      <section class="room room-tests" aria-label="Tests">
        <Empty title="No suite has run.">Start one; it reports here while it runs: <code>python3 run.py suite testcases/smoketest.md</code></Empty>
      </section>
    );
  }
  const { done, failed, passed, expected } = tally.value;
  const failedOnly = place.value.only === "failed";
  const all = suites.value;
  return (
    <section class="room room-tests scroll" aria-label="Tests" tabIndex={0}>
      <Head now={now} />
      <Progress />
      <dl class="figures">
        <Figure name="checks">{count(done)}/{count(expected)}</Figure>
        <Figure name="passed">{count(passed)}</Figure>
        <Figure name="failed">{count(failed)}</Figure>
      </dl>
      <dl class="tests-last">
        <Figure name="last green"><Last value={now.last_green} /></Figure>
        <Figure name="last red"><Last value={now.last_red} /></Figure>
      </dl>
      <p class="current-check" aria-live="polite">{now.running ? doing(now) : ""}</p>
      {failedOnly && failed === 0 ? <Empty title="Nothing has failed." /> : null}
      {all.map((suite, index) => <SuiteView key={suite.name} suite={suite} working={now.running && index === all.length - 1} failedOnly={failedOnly} />)}
    </section>
  );
}
