#!/usr/bin/env bash
# A pipeline's step at the budget gate: asks, waits for an approval where one is needed, ends with the answer's status.
# Needs curl and jq, nothing of aifinops. It ends with 0 where the job may run, with 20, 30 or 40 where it may not.
#
#   AIFINOPS_GATE_URL, AIFINOPS_GATE_TOKEN   the gate
#   GATE_ESTIMATE                            what the job may cost, such as 120USD
#   GATE_TEAM, GATE_APP, GATE_PROJECT, GATE_MODEL, GATE_ENVIRONMENT   whose budget; at least one
#   GATE_JOB                                 the job's name for this attempt
#   GATE_WHO                                 who asks
#   GATE_WAIT_SECONDS                        how long to wait for an approval; 0 by default
#   GATE_IF_UNREACHABLE                      deny (default) or allow, where the gate gives no answer
set -euo pipefail

call() {
  curl --silent --show-error --max-time 20 --write-out '\n%{http_code}' \
    --header "Authorization: Bearer ${AIFINOPS_GATE_TOKEN:-}" --header 'Content-Type: application/json' "$@"
}

no_answer() {
  echo "! no answer from the budget gate: $1" >&2
  [ "${GATE_IF_UNREACHABLE:-deny}" = allow ] && exit 0
  exit 40
}

read_answer() { # of a call's output; sets $answer
  local status
  status=$(tail -n 1 <<<"$1")
  answer=$(sed '$d' <<<"$1")
  jq --exit-status 'type == "object"' >/dev/null 2>&1 <<<"$answer" || no_answer "status $status"
  if [ "$status" -ge 500 ]; then no_answer "$(jq --raw-output .error <<<"$answer")"; fi
  if [ "$status" -ge 400 ]; then
    echo "✗ $(jq --raw-output .error <<<"$answer")" >&2
    exit 2
  fi
}

ask=$(jq --null-input '{
  estimate: env.GATE_ESTIMATE,
  who: (env.GATE_WHO // "pipeline"),
  job: (if (env.GATE_JOB // "") == "" then null else env.GATE_JOB end),
  scopes: ({team: env.GATE_TEAM, app: env.GATE_APP, project: env.GATE_PROJECT, model: env.GATE_MODEL,
            environment: env.GATE_ENVIRONMENT} | with_entries(select((.value // "") != "")))}')
given=$(call --data "$ask" "$AIFINOPS_GATE_URL/v1/gate/asks" 2>&1) || no_answer "$given"
read_answer "$given"
ask_id=$(jq --raw-output .ask_id <<<"$answer")

deadline=$((SECONDS + ${GATE_WAIT_SECONDS:-0}))
while [ "$(jq --raw-output .status <<<"$answer")" = waiting ] && [ "$SECONDS" -lt "$deadline" ]; do
  echo "… waiting for approval: aifinops gate approve $ask_id --why REASON"
  sleep 5
  given=$(call "$AIFINOPS_GATE_URL/v1/gate/asks/$ask_id" 2>&1) || no_answer "$given"
  read_answer "$given"
done

jq --raw-output '"\(.outcome): \(.reason)"' <<<"$answer"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  { echo "ask_id=$ask_id"; jq --raw-output '"outcome=\(.outcome)"' <<<"$answer"; } >>"$GITHUB_OUTPUT"
fi
[ "$(jq .proceeds <<<"$answer")" = true ] && exit 0
exit "$(jq .exit_code <<<"$answer")"
