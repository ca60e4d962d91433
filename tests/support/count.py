#!/usr/bin/env python3
"""Adds up JUnit files and prints what failed, then the closing line `N passed, N failed, N skipped`. Exit status 1 when something failed or nothing ran.

usage: count.py FILE.xml... [NAME=pass|fail|skip ...]
"""
import sys
import xml.etree.ElementTree as ET


def was_not_there(case, tags):
    """Of ctest: a test whose program was not built is told as not run, like one that asks to be skipped."""
    return case.get("status") == "notrun" and not tags["skipped"].get("message", "").startswith("SKIP_")


def cases(path):
    """(name, outcome) of each test case in one file."""
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        yield f"{path}: {error}", "fail"
        return
    for case in root.iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name')}"
        tags = {child.tag: child for child in case}
        if tags.keys() & {"failure", "error"} or case.get("status") == "fail" or was_not_there(case, tags):
            yield name, "fail"
        elif "skipped" in tags or case.get("status") == "disabled":
            yield name, "skip"
        else:
            yield name, "pass"


def main():
    counts = {"pass": 0, "fail": 0, "skip": 0}
    for argument in sys.argv[1:]:
        name, _, outcome = argument.rpartition("=")
        for case, result in [(name, outcome)] if outcome in counts else cases(argument):
            counts[result] += 1
            if result == "fail":
                print(f"FAILED {case}")
    print(f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped")
    return 1 if counts["fail"] or not counts["pass"] else 0


sys.exit(main())
