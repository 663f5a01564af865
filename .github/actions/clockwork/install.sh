#!/usr/bin/env bash
# Installs Clockwork from the checkout that this action is a part of, with its locked dependencies, into a folder of this job.
set -euo pipefail
root=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
[[ ${EXTRAS:-} =~ ^[a-z,]*$ ]] || { echo "::error::extras: write names such as kubernetes,docker"; exit 2; }
python="$RUNNER_TEMP/clockwork/bin/python"
python3 -m venv --without-pip "$RUNNER_TEMP/clockwork"
# The runner's own pip installs into it, since putting another one there takes seconds; unless it has none, or an old one.
pip=(python3 -m pip --python "$python")
"${pip[@]}" --version >/dev/null 2>&1 || { "$python" -m ensurepip >/dev/null; pip=("$python" -m pip); }
"${pip[@]}" install --quiet --disable-pip-version-check \
  --constraint "$root/requirements.lock" "$root[github${EXTRAS:+,$EXTRAS}]"
