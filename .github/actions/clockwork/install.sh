#!/usr/bin/env bash
# Installs Clockwork from the checkout that this action is a part of, with its locked dependencies, into a folder of this job.
set -euo pipefail
root=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
[[ ${EXTRAS:-} =~ ^[a-z,]*$ ]] || { echo "::error::extras: write names such as kubernetes,docker"; exit 2; }
python3 -m venv "$RUNNER_TEMP/clockwork"
"$RUNNER_TEMP/clockwork/bin/pip" install --quiet --disable-pip-version-check \
  --constraint "$root/requirements.lock" "$root[github${EXTRAS:+,$EXTRAS}]"
