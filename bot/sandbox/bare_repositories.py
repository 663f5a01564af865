"""The bare repositories on disk: where they are, how they are made, and moving their refs without losing a race.

The endpoints and the merge button move refs through :func:`move`; ``git receive-pack`` moves them by itself. Both
compare with the old value under git's own ref lock, so whoever comes second is told.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pygit2

from bot.sandbox.replies import invalid, unprocessable

# git-config(1). Partial and shallow clones are served as GitHub serves them; ``refs/pull`` can be fetched but not pushed;
# nothing is packed or pruned behind the back of a running test.
_CONFIG = """\
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
\tallowRefInWant = true
[receive]
\thideRefs = refs/pull
\tautogc = false
\tadvertisePushOptions = true
[gc]
\tauto = 0
"""

# githooks(5): pre-receive may decline a push as a whole, update a single ref; post-receive reads "old new ref" lines of what
# was carried out. SANDBOX_RULES has lines "ref|what nobody may do|message with ~ for line breaks".
_UPDATE = """\
#!/bin/sh
zero=0000000000000000000000000000000000000000
echo "$SANDBOX_RULES" | while IFS='|' read -r ref what message; do
  [ "$ref" = "$1" ] || continue
  made=no gone=no
  [ "$2" = $zero ] && made=yes
  [ "$3" = $zero ] && gone=yes
  case "$what" in
    update) [ $made$gone = nono ] || continue ;;
    creation) [ $made = yes ] || continue ;;
    deletion) [ $gone = yes ] || continue ;;
    rewrite) [ $made$gone = nono ] || continue; git merge-base --is-ancestor "$2" "$3" && continue ;;
  esac
  echo "$message" | tr '~' '\\n' >&2
  exit 1
done
"""
_HOOKS = {
    "update": _UPDATE,
    "pre-receive": '#!/bin/sh\n[ -z "$SANDBOX_DECLINE" ] || { echo "$SANDBOX_DECLINE" >&2; exit 1; }\n',
    "post-receive": '#!/bin/sh\n[ -z "$SANDBOX_UPDATES" ] || cat >> "$SANDBOX_UPDATES"\n',
}

ZERO = "0" * 40
_SHA = re.compile(r"[0-9a-f]{40}")


class BareRepositories:
    """All bare repositories of one sandbox, below ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "repositories"
        self.hooks = directory / "hooks"
        self.root.mkdir(parents=True, exist_ok=True)
        self.hooks.mkdir(parents=True, exist_ok=True)
        for name, script in _HOOKS.items():
            (self.hooks / name).write_text(script, encoding="utf-8")
            (self.hooks / name).chmod(0o755)
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()

    def has_own_hooks(self) -> bool:
        """Whether the hooks are those that were put there, and nobody's own."""
        names = {file.name for file in self.hooks.iterdir()}
        return names == {*_HOOKS} and all((self.hooks / name).read_text("utf-8") == _HOOKS[name] for name in names)

    def path(self, full_name: str) -> Path:
        """Where the bare repository lies, whether or not it exists."""
        return self.root / f"{full_name}.git"

    def create(self, full_name: str, default_branch: str) -> None:
        """A new, empty bare repository that serves partial clones and takes pushes over HTTP."""
        path = self.path(full_name)
        pygit2.init_repository(str(path), bare=True, initial_head=default_branch)
        with (path / "config").open("a", encoding="utf-8") as config:
            config.write(_CONFIG)

    def rename(self, full_name: str, new_name: str) -> None:
        """The repository lies below its new name."""
        self.path(new_name).parent.mkdir(parents=True, exist_ok=True)
        self.path(full_name).rename(self.path(new_name))

    def open(self, full_name: str) -> pygit2.Repository:
        """The repository for one thread's use."""
        return pygit2.Repository(str(self.path(full_name)))

    def lock(self, full_name: str) -> threading.RLock:
        """Held while refs of one repository change and pull requests follow. Taken before any database transaction."""
        with self._guard:
            return self._locks.setdefault(full_name.lower(), threading.RLock())


def target(git: pygit2.Repository, name: str) -> str | None:
    """The object id that the full ref ``name`` points to, None when there is no such ref."""
    try:
        reference = git.references.get(name)
    except ValueError:
        return None
    return None if reference is None else str(reference.resolve().target)


def listing(git: pygit2.Repository, prefix: str = "refs/") -> dict[str, str]:
    """All refs whose name starts with ``prefix``, sorted by name, with their object ids."""
    names = sorted(name for name in git.references if name.startswith(prefix))
    targets = ((name, target(git, name)) for name in names)
    return {name: sha for name, sha in targets if sha is not None}


def create(git: pygit2.Repository, name: str, sha: str) -> None:
    """A new ref. 422 when it exists, its name is not well formed, or the object does not exist."""
    if name.count("/") < 2 or not pygit2.reference_is_valid_name(name):
        raise unprocessable(f"{name} is not a valid ref name.")
    require_object(git, sha)
    try:
        git.references.create(name, sha, force=False)
    except (pygit2.AlreadyExistsError, ValueError, pygit2.GitError) as error:
        raise unprocessable("Reference already exists") from error


def move(git: pygit2.Repository, name: str, sha: str, *, expected: str | None = None, force: bool = False) -> str:
    """``name`` points to ``sha``; returns what it pointed to before.

    422 when there is no such ref, when the move is no fast forward (unless ``force``), or when it no longer points to
    ``expected``.
    """
    reference = git.references.get(name)
    if reference is None:
        raise unprocessable("Reference does not exist")
    before = str(reference.target)
    require_object(git, sha)
    if expected is not None and before != expected:
        raise unprocessable("Update is not a fast forward")
    if not force and before != sha and not git.descendant_of(sha, before):
        raise unprocessable("Update is not a fast forward")
    try:
        reference.set_target(sha)
    except pygit2.GitError as error:
        raise unprocessable("Update is not a fast forward") from error
    return before


def delete(git: pygit2.Repository, name: str) -> str:
    """The ref is gone; returns what it pointed to. 422 when there was none."""
    before = target(git, name)
    if before is None:
        raise unprocessable("Reference does not exist")
    git.references.delete(name)
    return before


def require_object(git: pygit2.Repository, sha: str) -> None:
    """422 unless the repository holds an object with this full id."""
    if not _SHA.fullmatch(sha):
        raise unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    if sha not in git:
        raise unprocessable("Object does not exist")


def require_name(name: str) -> None:
    """422 unless ``name`` may be the name of an owner or a repository (it becomes a folder name)."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.\-\[\]]{0,99}", name) or name.endswith(".git"):
        raise invalid("Repository", "name", "custom", "name is not a valid name")
