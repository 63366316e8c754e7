#!/usr/bin/python3
"""type-tab.py bash|zsh FILE LINE...: what becomes of each LINE by the Tab key, in a shell that runs on a terminal.

FILE is the shell's file of completions. Prints a line for each: the words that were offered, if Tab could not decide,
are all inserted, as far as they go on from what was typed. `^B` in LINE is the key Left.
"""
import os
import pty
import select
import sys
import tempfile
import time

PROMPT = "type-tab-ready"

# Control-O writes down the line and throws it away; Control-T is Tab for all words that can follow.
BASH = """PS1='%(prompt)s '
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind '"\\C-t": insert-completions'
note_line() { printf '%%s\\n' "$READLINE_LINE" >>%(notes)s; READLINE_LINE=; READLINE_POINT=0; }
bind -x '"\\C-o": note_line'
source %(file)s
"""
ZSH = """PS1='%(prompt)s '
PROMPT_EOL_MARK=
fpath=(%(folder)s $fpath)
autoload -Uz compinit && compinit -u -d %(dump)s
note_line() { print -r -- "$BUFFER" >>%(notes)s; BUFFER=; }
zle -N note_line
bindkey -e
bindkey '^O' note_line
zle -C all-matches complete-word _generic
zstyle ':completion:all-matches:*' insert yes
zstyle ':completion:all-matches::::' completer _all_matches _complete
bindkey '^T' all-matches
"""


class Shell:
    def __init__(self, kind, file, folder):
        self.notes = os.path.join(folder, "notes")
        open(self.notes, "w").close()
        start = os.path.join(folder, ".zshrc" if kind == "zsh" else "rc")
        text = ZSH if kind == "zsh" else BASH
        with open(start, "w") as script:
            script.write(text % {
                "prompt": PROMPT, "notes": self.notes, "file": file, "dump": os.path.join(folder, "dump"),
                "folder": os.path.dirname(os.path.abspath(file)),
            })
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", ZDOTDIR=folder, COLUMNS="500")
            command = {"bash": ["bash", "--noprofile", "--rcfile", start, "-i"], "zsh": ["zsh", "-d", "-i"]}[kind]
            os.execvp(command[0], command)
        self.said = ""
        self.read_until(lambda: PROMPT + " " in self.said.replace("PS1='" + PROMPT, ""))

    def read_until(self, done):
        limit = time.monotonic() + 60
        while not done():
            if time.monotonic() > limit:
                sys.exit("type-tab: the shell said: " + self.said)
            if select.select([self.terminal], [], [], 0.05)[0]:
                self.said += os.read(self.terminal, 65536).decode(errors="replace")

    def line_after(self, text, key):
        before = os.path.getsize(self.notes)
        os.write(self.terminal, text.encode() + key + b"\x0f")
        self.read_until(lambda: os.path.getsize(self.notes) > before)
        with open(self.notes) as notes:
            notes.seek(before)
            return notes.read().rstrip("\n")


if len(sys.argv) < 4 or sys.argv[1] not in ("bash", "zsh"):
    sys.exit(__doc__)
with tempfile.TemporaryDirectory() as folder:
    shell = Shell(sys.argv[1], sys.argv[2], folder)
    for text in sys.argv[3:]:
        text = text.replace("^B", "\x02")
        line = shell.line_after(text, b"\t")
        if line == text:
            line = shell.line_after(text, b"\x14")
        print(line, flush=True)
