#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Manual pages. man.py 1 OUT VERSION_H TABLES makes those of the command from `viq help --json`; man.py 3 OUT VERSION_H
HEADER... one for each public header and one for each titled group of calls in it, whose comments are their text, and a
link for each function."""
import datetime
import json
import os
import re
import sys


def plain(text):
    """Text as it is, for roff."""
    text = text.replace("\\", "\\e")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def exact(text):
    """The same for what may be copied: a hyphen is a minus, a quote stays one."""
    return plain(text).replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha") \
                      .replace("~", "\\(ti").replace("\\&\\(aq", "\\(aq")


def code(lines):
    return ".EX\n" + "\n".join(exact(line.replace("\t", "    ")) for line in lines) + "\n.EE\n"


def write(folder, name, text):
    text = re.sub(r"^(\.S[HS] .*\n)\.PP\n", r"\1", text, flags=re.M)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def head(name, section, version):
    # No hyphens into a function's name: it is copied, and searched for. groff's .EE goes back to what HY says.
    whole = ".nr HY 0\n.nh\n" if section == 3 else ""
    return f'.\\" SPDX-License-Identifier: MIT\n.TH {name} {section} {version} "viq manual"\n{whole}'


def version_of(path):
    """Date and version for the foot of a page. In a release all files are of its date."""
    with open(path, encoding="utf-8") as file:
        numbers = re.findall(r"^#define VIQ_VERSION_[MP][A-Z]+ (\d+)$", file.read(), re.M)
    seconds = float(os.environ.get("SOURCE_DATE_EPOCH") or os.stat(path).st_mtime)
    date = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date()
    return f'{date} "viq {".".join(numbers)}"'


# --- Section 1: the command


def option_name(option):
    value = f" \\fI{exact(option['value'])}\\fR" if option["value"] else ""
    letter = f"\\fB\\-{option['letter']}\\fR, " if option["letter"] else ""
    return f"{letter}\\fB\\-\\-{exact(option['name'])}\\fR{value}"


def listed(title, items):
    return f".SH {title}\n" + "".join(f".TP\n{name}\n{plain(text)}\n" for name, text in items)


def examples(command):
    return ".SH EXAMPLES\n" + code(command["examples"].splitlines())


def command_page(command, version):
    name = command["name"]
    text = head(f"viq-{name}", 1, version)
    text += f".SH NAME\nviq\\-{name} \\- {plain(command['summary'])}\n"
    text += f".SH SYNOPSIS\n\\fBviq {name}\\fR {exact(command['usage'])}\n"
    text += f".SH DESCRIPTION\n{plain(command['about'])}\n"
    if command["operands"]:
        text += listed(command["operands_title"].upper(),
                       [(f"\\fB{exact(operand['name'])}\\fR", operand["help"]) for operand in command["operands"]])
    text += listed("OPTIONS", [(option_name(option), option["help"]) for option in command["options"]])
    if command["notes"]:
        text += f".SH NOTES\n{plain(command['notes'])}\n"
    text += f".SH EXIT STATUS\n{plain(command['status'])}\n"
    if any(option["name"] == "color" for option in command["options"]):
        text += ".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\nIf it is set and not empty, nothing is coloured.\n"
    return text + examples(command) + ".SH SEE ALSO\n.BR viq (1)\n"


def overview(commands, version):
    text = head("viq", 1, version)
    text += ".SH NAME\nviq \\- exact invalidation queues for guest IOMMUs\n"
    text += ".SH SYNOPSIS\n\\fBviq\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIFILE\\fR]...\n"
    text += (".SH DESCRIPTION\nviq turns a guest\\(aqs IOMMU invalidation queue into exact invalidate calls to a host "
             "IOMMU. The commands record and read such queues, run them, and look at and measure this machine.\n")
    text += listed("COMMANDS", [(f"\\fBviq\\-{c['name']}\\fR(1)", c["summary"]) for c in commands])
    text += listed("OPTIONS", [("\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "print a list of the commands"),
                               ("\\fB\\-\\-version\\fR", "print the version")])
    text += ".SH EXIT STATUS\n0 done, 1 failed, 2 bad command line.\n"
    pages = ", ".join(f"\\fBviq\\-{command['name']}\\fR(1)" for command in commands)
    return text + f".SH SEE ALSO\n{pages}, \\fBviq_call\\fR(3), \\fBviq_smmuv3\\fR(3), \\fBviq_vtd\\fR(3)\n"


def section1(out, version, tables):
    with open(tables, encoding="utf-8") as file:
        commands = json.load(file)
    write(out, "viq.1", overview(commands, version))
    for command in commands:
        write(out, f"viq-{command['name']}.1", command_page(command, version))


# --- Section 3: the headers


def blocks(text):
    """A header as (comment lines or None, code lines), in order; code that explains nothing is left out."""
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif\n", "", text, flags=re.S)
    lines = [line for line in text.split("\n")
             if not re.match(r"#(include|ifndef|endif)\b|#define VIQ_\w+_H$|/\* SPDX", line)]
    comment, body, depth, inside = [], [], 0, False
    for line in lines:
        if inside or (not depth and line.startswith("/*")):
            if not inside and (comment or body):
                yield comment, body
                comment, body = [], []
            inside = not line.endswith("*/")
            comment.append(re.sub(r"^( \*(?!/) ?|/\* ?)|\s*\*/$", "", line))
        elif line or depth:
            depth += line.count("{") - line.count("}")
            body.append(line)
        elif comment or body:
            yield comment, body
            comment, body = [], []
    if comment or body:
        yield comment, body


def prose(lines):
    """Paragraphs; indented lines stay as they are."""
    text, fixed = "", []
    for line in [line.rstrip() for line in lines] + [""]:
        if line.startswith(" "):
            fixed.append(line)
            continue
        if fixed:
            text += code(fixed)
            fixed = []
        text += plain(line) + "\n" if line else ".PP\n"
    text = re.sub(r"^(\.PP\n)+|(\.PP\n)+$", "", re.sub(r"(\.PP\n)+", ".PP\n", text))
    return text.replace(".PP\n.EX", ".EX")


def functions(body):
    return re.findall(r"^VIQ_EXPORT\s[^;(]*?\b(\w+)\(", "\n".join(body), re.M)


def entry(comment, body):
    """Code, and what is said of it."""
    body = [re.sub(r"^VIQ_EXPORT (VIQ_MUST_CHECK )?", "", line) for line in body]
    text = ".PP\n" + code(body) if body else ""
    if "".join(comment):
        text += (".RS 4\n" + prose(comment) + ".RE\n") if body else ".PP\n" + prose(comment)
    return text


def groups(rest):
    """(title or "", functions, text) of what stands behind each of a header's titles."""
    title, names, text = "", [], ""
    for comment, body in rest:
        found = re.match(r"--- (.*?) -+$", comment[0]) if comment else None
        if found:
            yield title, names, text
            title, names, text = found.group(1), [], ""
            comment = comment[1:]
        names = names + functions(body)
        text += entry(comment, body)
    yield title, names, text


def page_text(name, names, summary, header, version, text, see):
    """A page of section 3; names are the functions that are found by it."""
    module = "viq\\-soft" if header.startswith("soft") else "viq"
    return (head(name, 3, version) +
            ".SH NAME\n" + ", ".join([name] + [other for other in names if other != name]) + f" \\- {plain(summary)}\n" +
            f".SH SYNOPSIS\n\\fB#include <viq/{header}>\\fR\n.PP\n"
            f"cc ... $(pkg\\-config \\-\\-cflags \\-\\-libs {module})\n"
            f".SH DESCRIPTION\n{text}.SH SEE ALSO\n.BR {see}\n")


def header_pages(page, path, version):
    """(name, functions, text) of a header's page, and of one for each group of calls in it, named after the first."""
    header = os.path.basename(path)
    with open(path, encoding="utf-8") as file:
        (about, first), *rest = blocks(file.read())
    summary = re.split(r"[.:](?: |$)", " ".join(about).strip())[0]
    own, listed_groups, text = [], "", ""
    for title, names, part in groups([([], first)] + rest):
        if title and names:
            what = title if title[1:2].isupper() else title[0].lower() + title[1:]
            yield names[0], names, page_text(names[0], names, f"{summary}; {what}", header, version, part, f"{page} (3)")
            listed_groups += f".TP\n\\fB{names[0]}\\fR(3)\n{plain(title)}: {', '.join(names)}\n"
        else:
            own += names
            text += (f".SS {plain(title)}\n" if title else "") + part
    text = prose(about) + (f".SS Calls\n{listed_groups}.SS Declarations\n" if listed_groups and text else
                           f".SS Calls\n{listed_groups}" if listed_groups else "") + text
    yield page, own, page_text(page, own, summary, header, version, text, "viq (1)")


def section3(out, version, *headers):
    pages = {"viq_" + os.path.basename(path)[:-2]: path for path in headers if not path.endswith("/export.h")}
    for page, path in pages.items():
        for page_name, names, text in header_pages(page, path, version):
            write(out, f"{page_name}.3", text)
            for name in names:
                if name not in (page_name, *pages):
                    write(out, f"{name}.3", f".so man3/{page_name}.3\n")


def main():
    section, out, version, *rest = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    for old in os.listdir(out):
        os.unlink(os.path.join(out, old))
    (section1 if section == "1" else section3)(out, version_of(version), *rest)
    os.utime(out)  # Meson's target is the folder


main()
