/** A suite's progress, check by check, as the runner reports it. */
import { count } from "../lib/format";
import { fields, text } from "../lib/json";
import { bad, record, type Step, steps, tally } from "../store/tests";
import { go } from "../store/place";
import type { TestResult } from "../wire/lines";
import { Empty, Figure, Status } from "../ui/bits";

function named(value: unknown): string {
  if (!value) return "—";
  if (typeof value === "string") return value;
  const { step, check, suite } = fields(value);
  return [text(suite), text(step), text(check)].filter(Boolean).join(" · ") || text(value);
}

function Check({ result }: { readonly result: TestResult }) {
  return (
    <li class={bad(result) ? "check check-bad" : "check"}>
      <Status of={result.status.toLowerCase()} />
      <span>{result.check}</span>
      {result.run_id ? <button type="button" class="link" onClick={() => go({ room: "frames", run: result.run_id ?? "", frame: 0, node: "" }, true)}>frames</button> : null}
      {result.detail && bad(result) ? <pre>{result.detail}</pre> : null}
    </li>
  );
}

function StepView({ step, open }: { readonly step: Step; readonly open: boolean }) {
  return (
    <details class="step" open={open}>
      <summary>
        <Status of={step.failed ? "fail" : "pass"} bare />
        <span>{step.name}</span>
        <span class="faint mono">{step.checks.length - step.failed}/{step.checks.length}</span>
      </summary>
      <ul>{step.checks.map((result, index) => <Check key={index} result={result} />)}</ul>
    </details>
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

export function Tests() {
  const now = record.value;
  const { done, failed, passed, expected } = tally.value;
  if (!now || (!now.running && done === 0)) {
    return (
      <section class="room room-tests" aria-label="Tests">
        <Empty title="No suite has run.">Start one; it reports here while it runs: <code>python3 run.py suite testcases/smoketest.md</code></Empty>
      </section>
    );
  }
  const state = now.stale ? "interrupted" : now.running ? "running" : failed ? "fail" : "pass";
  return (
    <section class="room room-tests scroll" aria-label="Tests" tabIndex={0}>
      <div class="tests-head">
        <h2>Suite</h2>
        <Status of={state} />
        {now.stale ? <span class="faint">the runner has been silent for a minute</span> : null}
      </div>
      <Progress />
      <dl class="figures">
        <Figure name="checks">{count(done)}/{count(expected)}</Figure>
        <Figure name="passed">{count(passed)}</Figure>
        <Figure name="failed">{count(failed)}</Figure>
        <Figure name="last green">{named(now.last_green)}</Figure>
        <Figure name="last red">{named(now.last_red)}</Figure>
      </dl>
      <p class="current-check" aria-live="polite">{now.running ? now.current || "starting" : ""}</p>
      {steps.value.map((step, index) => <StepView key={step.name} step={step} open={step.failed > 0 || (now.running && index === steps.value.length - 1)} />)}
    </section>
  );
}
