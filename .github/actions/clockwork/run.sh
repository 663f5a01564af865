#!/usr/bin/env bash
# Runs one command with what the action was given in the environment. Nothing of an event is put into a command line but a
# number; results go to the job's page and to the outputs of this step.
set -euo pipefail
clockwork="$RUNNER_TEMP/clockwork/bin/clockwork"
repo=(--repo "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY")
[[ -n ${CLOCKWORK_SECRET:-} ]] || unset CLOCKWORK_SECRET
[[ -n ${CLOCKWORK_APP_PRIVATE_KEY:-} ]] || unset CLOCKWORK_APP_PRIVATE_KEY
number() {
  [[ ${NUMBER:-} =~ ^[0-9]+$ ]] || { echo "::error::$COMMAND needs the number of a pull request or issue"; exit 2; }
}
case "$COMMAND" in
  reconcile)
    options=(--summary "$GITHUB_STEP_SUMMARY" --output "$GITHUB_OUTPUT")
    [[ -z ${TARGET:-} ]] || options+=(--target "$TARGET")
    [[ -z ${LIVE:-} ]] || options+=(--live "$LIVE")
    exec "$clockwork" reconcile "${repo[@]}" "${options[@]}"
    ;;
  guard)
    number
    options=(--output "$GITHUB_OUTPUT")
    [[ ${EXIT_CODE:-true} != true ]] || options+=(--exit-code)
    exec "$clockwork" guard pr "$NUMBER" "${repo[@]}" "${options[@]}"
    ;;
  comments)
    number
    exec "$clockwork" comments "$NUMBER" "${repo[@]}"
    ;;
  plan)
    options=(--summary "$GITHUB_STEP_SUMMARY" --output "$GITHUB_OUTPUT")
    [[ -z ${TARGET:-} ]] || options+=(--target "$TARGET")
    [[ -z ${LIVE:-} ]] || options+=(--live "$LIVE")
    [[ -z ${PLAN:-} ]] || options+=(--out "$PLAN")
    exec "$clockwork" plan "${repo[@]}" "${options[@]}"
    ;;
  apply)
    options=(--summary "$GITHUB_STEP_SUMMARY" --output "$GITHUB_OUTPUT")
    [[ -z ${TARGET:-} ]] || options+=(--target "$TARGET")
    if [[ -n ${PLAN:-} ]]; then options+=(-- "$PLAN"); else options+=(--auto-approve); fi
    exec "$clockwork" apply "${repo[@]}" "${options[@]}"
    ;;
  report)
    exec "$clockwork" report "${repo[@]}"
    ;;
  applied)
    exec "$clockwork" applied "$GITHUB_SHA" "${repo[@]}"
    ;;
  fleet-list)
    printf 'matrix=%s\n' "$("$clockwork" fleet list "$FLEET" --matrix 256)" >> "$GITHUB_OUTPUT"
    ;;
  fleet-run)
    options=(--once)
    [[ -z ${ONLY:-} ]] || options+=(--only "$ONLY")
    exec "$clockwork" fleet run "$FLEET" "${options[@]}"
    ;;
  *)
    echo "::error::there is no command '${COMMAND//[^a-z-]/}'; it is reconcile, guard, comments, plan, apply, report, applied, fleet-list or fleet-run"
    exit 2
    ;;
esac
