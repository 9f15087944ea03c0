"""Commands that stand among a program's words are judged as themselves; words that are data are no commands."""

from __future__ import annotations

import time

import pytest

from tests.approvals.test_actions import bash, key

SHOWS = [
    "env",
    "env -0",
    "env -u HOME",
    "env --unset HOME FOO=1",
    "env FOO=1 BAR=2",
    "env --",
    "env | grep TOKEN",
    "env > out.txt",
    "env 2>/dev/null",
    "ls && env",
    "(env)",
    "if env; then ls; fi",
    "echo $(env)",
    '"env"',
    "e''nv",
    "\\env",
    "/usr/bin/env",
    "/usr/bin/printenv",
    "printenv",
    "env env",
    "env -i FOO=1 env",
    "env -S env",
    "env -Sprintenv",
    "env --split-string='A=1'",
    "env -S 'A=1 B=2'",
    "busybox env",
    "busybox printenv",
    "toybox env",
    "command env",
    "command -p env",
    "builtin set",
    "exec env",
    "time env",
    "time -p env",
    "nohup env",
    "nice -n 5 env",
    "nice -n5 /usr/bin/env",
    "timeout 5 env",
    "timeout -s KILL 5 env",
    "timeout --unheard-of 5 env",
    "stdbuf -oL env",
    "setsid -w env",
    "ionice -c 3 env",
    "strace -f env",
    "ls | xargs env",
    "xargs -n 1 -I{} env",
    "find . -exec env ;",
    "find . -name x -execdir /usr/bin/env \\;",
    "watch env",
    "watch -n 1 env",
    "parallel -j 4 env",
    "docker -H x exec c env",
    "docker compose run web env",
    "kubectl -n ns exec -it pod -- env",
    "eval env",
    "eval set",
    "trap env EXIT",
    "bash -c env",
    "sh -c 'export -p'",
    "bash <<< set",
    "FOO=1 set",
    "FOO=1 env",
    "nohup timeout 5 nice env",
    "nohup " * 20 + "env",
    "docker exec c env",
    "docker exec -it -u root c env",
    "docker run --rm alpine env",
    "docker exec c sh -c env",
    "kubectl exec pod -- env",
    "ssh prod env",
    "ssh -p 22 prod env",
    "poetry run env",
    "flock /tmp/l env",
    "flock -w 5 /tmp/l env",
    "unshare -r env",
    "xvfb-run -a env",
    "tini -- env",
    "conda run -n x env",
    "cross-env A=1 env",
    "uv run env",
    "set",
    "set | less",
    "set > out",
    "export",
    "export -p",
    "export -p | grep KEY",
    "readonly -p",
    "declare",
    "declare -p",
    "declare -x",
    "declare -px",
    "typeset -p",
    "typeset -x",
    "declare +x",
    "compgen -v",
    "compgen -e",
    "compgen -A variable",
    "compgen -A export",
    "npm run env",
    "make -p",
    "make -pn all",
    "make --print-data-base",
    "tmux show-environment -g",
    "python -c 'import os; print(os.environ)'",
    "python3 -c 'import os; print(dict(os.environ))'",
    "node -e 'console.log(process.env)'",
    "perl -e 'print %ENV'",
    "awk 'BEGIN { for (k in ENVIRON) print k, ENVIRON[k] }'",
    "ruby -e 'puts ENV.to_h'",
]  # fmt: skip


@pytest.mark.parametrize("command", SHOWS)
def test_what_shows_the_environment_is_secret(command: str) -> None:
    assert bash(command).risk.word == "secret"


@pytest.mark.parametrize("command", ["sudo env", "sudo -u root printenv", "sudo -E sh -c env", "doas env"])
def test_with_more_rights_it_is_worse(command: str) -> None:
    assert bash(command).risk.word == "privilege"


SHOWS_NOT = {
    "env FOO=1 python x.py": "?",
    "env FOO=1 pytest": "?",
    "env -u FOO -C sub make": "?",
    "env -S 'ls -l'": "?",
    "env --help": "?",
    "/usr/bin/env python x.py": "?",
    "python -m venv env": "?",
    "virtualenv env": "?",
    "source env/bin/activate": "?",
    "git checkout env": "write",
    "git add env set export": "write",
    "mkdir env": "write",
    "ls env": "read",
    "cat env/pyvenv.cfg": "read",
    "cd env && ls": "read",
    "make env": "run",
    "make -C app": "run",
    "make --print-directory": "run",
    "npm run env:build": "run",
    "npm install env": "network",
    "conda create -n env": "?",
    "frob set export declare": "?",
    "command -v env": "?",
    "which env": "read",
    "type set": "read",
    "echo env": "read",
    "man env": "?",
    "set -e": "?",
    "set -euo pipefail": "?",
    "set +x": "?",
    "set -- a b": "?",
    "export A=b": "?",
    "export A": "?",
    'export PATH="/usr/local/bin:/usr/bin"': "?",
    "declare -a list": "?",
    "declare -f": "?",
    "declare -x A=1": "?",
    "compgen -c": "?",
    "compgen -A function": "?",
    "git config set user.name x": "?",
    "kubectl config set a b": "?",
    "docker exec c ls": "process",
    "docker exec c python manage.py check": "process",
    "ssh prod ls": "?",
    "find . -exec grep env {} ;": "?",
    "timeout 5 pytest": "?",
    "python -c 'import os; print(os.environ[\"HOME\"])'": "?",
    "python -c 'import os; os.environ.get(\"HOME\")'": "?",
    "node -e 'console.log(process.env.HOME)'": "?",
}  # fmt: skip


@pytest.mark.parametrize("command", SHOWS_NOT)
def test_what_is_only_named_alike_shows_nothing(command: str) -> None:
    assert bash(command).risk.word == SHOWS_NOT[command]


NO_COMMANDS = {
    "grep -R rm src": "?",
    "grep -rR 'rm -rf' src": "?",
    "grep -R sudo .github": "?",
    "grep -rn rm src": "read",
    "grep '/api/users' src/x": "read",
    "grep -e /etc/hosts src/x": "read",
    "egrep -R 'rm|sudo' src": "?",
    "git grep rm": "read",
    "git log --grep rm": "read",
    "rg rm src": "read",
    "rg -L rm src": "?",
    "rg --follow 'rm -rf' src": "?",
    "ag rm src": "?",
    "ag 'rm -rf x' src": "?",
    "ack sudo": "?",
    "awk '/rm/' x": "?",
    "sed -n '/rm/p' x": "?",
    "sed -e rm -n x": "?",
    "yq .rm x": "?",
    "find -L . -name rm": "?",
    "find . -name rm -exec grep sudo {} ;": "?",
    "find .github -exec grep x {} +": "?",
    "ls | xargs grep -l rm": "?",
    "ls | xargs -n 1 grep 'rm -rf'": "?",
    "timeout 5 grep 'rm -rf' x": "?",
    "env LANG=C grep rm x": "?",
    "FOO=1 grep 'rm -rf' x": "?",
    "nice grep -R shutdown src": "?",
    "time -p grep rm x": "?",
    "docker exec c grep rm x": "process",
    "timeout 5 cat .github/workflows/ci.yml": "?",
    "curl https://example.com/rm": "network",
    "curl -d 'rm -rf x' https://example.com/at": "network",
    "pip install security": "network",
    "npm install at": "network",
    "pkill service": "process",
    "gh pr create --title rm --body 'rm -rf x'": "push",
    "git -C sub commit -m 'rm -rf x'": "write",
    "python scripts/at.py scripts/at": "?",
    "tar -cf x.tar src/passwd": "?",
    "diff -r rm at": "?",
    "tr / _": "read",
    "cut -d/ -f1 x": "read",
    "sort -t/ x": "read",
}  # fmt: skip


@pytest.mark.parametrize("command", NO_COMMANDS)
def test_words_that_are_patterns_or_texts_are_no_commands(command: str) -> None:
    assert bash(command).risk.word == NO_COMMANDS[command]


STILL_GRAVE = {
    "xargs -n 1 rm": "delete",
    "xargs -E grep rm x": "delete",
    "xargs --max-args 1 rm": "delete",
    "xargs --unheard-of grep rm": "delete",
    "timeout -k 5 9 rm x": "delete",
    "timeout $T rm x": "delete",
    "env -u grep rm x": "delete",
    "env -C grep rm x": "delete",
    "nice -n 5 /bin/rm x": "delete",
    "find . -name x -exec rm {} ; -exec grep a {} ;": "delete",
    "find . -exec grep a {} ; -exec rm {} +": "delete",
    "find -L . -exec rm {} ;": "delete",
    "ssh host 'rm -rf x'": "delete",
    "ssh -o A=b host rm -rf x": "delete",
    "docker exec -e A=1 c rm x": "delete",
    "git -C sub push": "push",
    "git --no-pager push": "push",
    "git -C sub reset --hard": "delete",
    "sudo git -C sub push": "privilege",
    "timeout 5 git -C sub push": "push",
    "npm --prefix sub publish": "push",
    "frob rm x": "delete",
    "frob /bin/rm x": "delete",
    "FOO=1 rm x": "delete",
    "awk 'BEGIN { system(\"rm x\") }'": "delete",
    "sed 's/x/rm y/e; r /root/.ssh/id_rsa' x": "secret",
    "grep -f /etc/shadow x": "secret",
    "grep -fe /etc/shadow": "secret",
    "grep x /etc/shadow": "secret",
    "grep -e x /etc/shadow": "secret",
    "grep -nA 3 x /etc/shadow": "secret",
    "grep -f/x/e /etc/shadow": "secret",
    "grep -- x /etc/hosts": "outside",
    "cut -d: -f1 /etc/shadow": "secret",
    "sed -n p /etc/shadow": "secret",
    "python x.py -c /etc/hosts": "outside",
    "export A=/etc/shadow": "secret",
}  # fmt: skip


@pytest.mark.parametrize("command", STILL_GRAVE)
def test_a_grave_command_or_file_is_not_taken_for_data(command: str) -> None:
    assert bash(command).risk.word == STILL_GRAVE[command]


@pytest.mark.parametrize("command", ["env *", "env $X", "xargs -n $N cat", "timeout 5 $X", "find . -exec $X ;"])
def test_a_carried_command_that_is_known_only_when_it_runs_cannot_be_read(command: str) -> None:
    assert not bash(command).grantable


def test_a_carried_command_may_take_words_that_are_known_only_when_it_runs() -> None:
    for command in ("timeout 5 cat $X", "FOO=1 pytest $X", "xargs cat $X"):
        assert (bash(command).risk.word, bash(command).grantable) == ("?", True)


def test_a_carried_command_is_never_merged_with_another() -> None:
    assert key(bash("env A=1 ls")) != key(bash("env A=2 ls"))
    assert key(bash("timeout 5 ls")) != key(bash("timeout 6 ls"))
    assert key(bash("grep -R x1 src")) != key(bash("grep -R x2 src"))


@pytest.mark.parametrize("command", ["nohup " * 1300 + "env", "env A=1 " * 900 + "ls", "tar -C a -C b x y " * 400,
                                     "find . " + "-exec grep rm {} ; " * 300, "ls " + "{a,b}" * 100])  # fmt: skip
def test_the_work_for_words_is_bounded(command: str) -> None:
    begun = time.process_time()
    bash(command)
    assert time.process_time() - begun < 1.5
