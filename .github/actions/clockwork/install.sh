#!/usr/bin/env bash
# Installs Clockwork from the checkout that this action is a part of, with its locked dependencies, into a folder of this job.
set -euo pipefail
root=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
[[ ${EXTRAS:-} =~ ^[a-z,]*$ ]] || { echo "::error::extras: write names such as kubernetes,docker"; exit 2; }
python="$RUNNER_TEMP/clockwork/bin/python"
# -I: the folder that a step starts in is a checkout, and no module of that may stand in for one of these (docs.python.org, "-I").
python3 -I -m venv --without-pip "$RUNNER_TEMP/clockwork"
# The runner's own pip installs into it, since putting another one there takes seconds; unless it has none, or an old one.
pip=(python3 -I -m pip --python "$python")
"${pip[@]}" --version >/dev/null 2>&1 || { "$python" -I -m ensurepip >/dev/null; pip=("$python" -I -m pip); }
# Nothing is in it that what is installed could be at odds with: not looking for that saves a second.
"${pip[@]}" install --quiet --disable-pip-version-check --no-warn-conflicts \
  --constraint "$root/requirements.lock" "$root[github${EXTRAS:+,$EXTRAS}]"
