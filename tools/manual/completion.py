#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completion of viq's command line: completion.py bash|zsh|fish TABLES, where TABLES is what `viq help --json` prints."""
import json
import sys

FILES = {"FILE", "DIR", "PATH", "SOCKET", "LOG", "OUT"}  # names of values


def words_of(option):
    return option["value"].split("|") if "|" in (option["value"] or "") else []


def operands(command, names):
    if command["name"] == "help":
        return names
    return [operand["name"].split()[0] for operand in command["operands"]]


def flags(option):
    return [f"--{option['name']}"] + ([f"-{option['letter']}"] if option["letter"] else [])


# --- bash


BASH = r"""# SPDX-License-Identifier: MIT
_viq() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' files=''

	# bash takes --host=soft for three words.
	if [ "$cur" = = ]; then
		cur=''
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ "$COMP_CWORD" -eq 1 ]; then
		words='@NAMES@ --help --version'
	else
		case "${COMP_WORDS[1]} $prev" in
@VALUES@		*)
			case "${COMP_WORDS[1]}" in
@COMMANDS@			esac
			;;
		esac
	fi
	# Options only where one was begun.
	[[ $cur == -* ]] || words=" $words" words=${words// -*/}
	COMPREPLY=()
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if [ -n "$files" ] && [[ $cur != -* ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _viq viq
"""


def bash(commands, names):
    values, of_command = "", ""
    for command in commands:
        for option in command["options"]:
            if not option["value"]:
                continue
            pattern = " | ".join(f"'{command['name']} {flag}'" for flag in flags(option))
            what = f"words='{' '.join(words_of(option))}'" if words_of(option) else \
                "files=1" if option["value"] in FILES else ":"
            values += f"\t\t{pattern}) {what} ;;\n"
        words = operands(command, names) + [flag for option in command["options"] for flag in flags(option)]
        of_command += f"\t\t\t{command['name']}) words='{' '.join(words)}'{' files=1' if command['files'] else ''} ;;\n"
    return BASH.replace("@NAMES@", " ".join(names)).replace("@VALUES@", values).replace("@COMMANDS@", of_command)


# --- zsh


def zsh_text(text):
    """For a description in single quotes and brackets."""
    return "".join("'\\''" if c == "'" else "\\" + c if c in "[]:\\" else c for c in text)


def zsh_option(option):
    value = ""
    if words_of(option):
        value = f":value:({' '.join(words_of(option))})"
    elif option["value"]:
        value = f":{zsh_text(option['value'])}:" + ("_files" if option["value"] in FILES else "")
    return [f"'*{flag}{'=' if value and flag.startswith('--') else ''}[{zsh_text(option['help'])}]{value}'"
            for flag in flags(option)]


def zsh(commands, names):
    text = "#compdef viq\n# SPDX-License-Identifier: MIT\n_viq() {\n\tlocal -a commands\n\tcommands=(\n"
    text += "".join(f"\t\t'{c['name']}:{zsh_text(c['summary'])}'\n" for c in commands)
    text += "\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe command commands -- '(--help --version)'\n\t\treturn\n\tfi\n"
    text += "\tcase ${words[2]} in\n"
    for command in commands:
        words = operands(command, names)
        arguments = sum((zsh_option(option) for option in command["options"]), [])
        if words:
            arguments.append(f"':operand:({' '.join(words)})'")
        if command["files"]:
            arguments.append("'*:file:_files'")
        text += f"\t{command['name']})\n\t\tshift words\n\t\t((CURRENT--))\n\t\t_arguments \\\n"
        text += " \\\n".join(f"\t\t\t{argument}" for argument in arguments) + "\n\t\t;;\n"
    return text + "\tesac\n}\n_viq \"$@\"\n"


# --- fish


def fish_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(commands, names):
    text = "# SPDX-License-Identifier: MIT\ncomplete -c viq -f\n"
    none = "-n __fish_use_subcommand"
    for command in commands:
        text += f"complete -c viq {none} -a {command['name']} -d {fish_text(command['summary'])}\n"
    text += f"complete -c viq {none} -l help -d 'print a list of the commands'\n"
    text += f"complete -c viq {none} -l version -d 'print the version'\n"
    for command in commands:
        start = f"complete -c viq -n '__fish_seen_subcommand_from {command['name']}'"
        words = operands(command, names)
        if words:
            text += f"{start} -a '{' '.join(words)}'\n"
        if command["files"]:
            text += f"{start} -F\n"
        for option in command["options"]:
            text += f"{start} -l {option['name']}"
            if option["letter"]:
                text += f" -s {option['letter']}"
            if words_of(option):
                text += f" -x -a '{' '.join(words_of(option))}'"
            elif option["value"]:
                text += " -r -F" if option["value"] in FILES else " -x"
            text += f" -d {fish_text(option['help'])}\n"
    return text


def main():
    shell, tables = sys.argv[1:]
    with open(tables, encoding="utf-8") as file:
        commands = json.load(file)
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[shell](commands, [c["name"] for c in commands]))


main()
