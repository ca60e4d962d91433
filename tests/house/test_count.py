"""The closing line counts every kind of outcome, and only what passed is green."""
import pathlib
import subprocess
import sys

COUNT = pathlib.Path(__file__).resolve().parents[1] / "support" / "count.py"

PYTEST = """<testsuites><testsuite><testcase classname="a" name="good"/><testcase classname="a" name="bad"><failure/></testcase>
<testcase classname="a" name="broken"><error/></testcase><testcase classname="a" name="left"><skipped/></testcase></testsuite></testsuites>"""
CTEST = """<testsuite><testcase name="good" status="run"/><testcase name="bad" status="fail"><failure/></testcase>
<testcase name="off" status="disabled"><skipped message="Disabled"/></testcase>
<testcase name="left" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
<testcase name="unbuilt" status="notrun"><skipped message="Unable to find executable"/></testcase></testsuite>"""


def count(*arguments):
    result = subprocess.run([sys.executable, str(COUNT), *map(str, arguments)], capture_output=True, text=True, check=False)
    return result.returncode, result.stdout.splitlines()


def test_counts_both_kinds_of_files_and_words(tmp_path):
    (tmp_path / "pytest.xml").write_text(PYTEST)
    (tmp_path / "ctest.xml").write_text(CTEST)
    status, lines = count(tmp_path / "pytest.xml", tmp_path / "ctest.xml", "x=pass", "y=fail", "z=skip")
    assert status == 1
    assert lines[-1] == "3 passed, 5 failed, 4 skipped"
    assert {line for line in lines if line.startswith("FAILED")} == {"FAILED a.bad", "FAILED a.broken", "FAILED .bad", "FAILED .unbuilt", "FAILED y"}


def test_green_only_when_something_passed():
    assert count("x=pass", "y=skip") == (0, ["1 passed, 0 failed, 1 skipped"])
    assert count() == (1, ["0 passed, 0 failed, 0 skipped"])
    assert count("y=skip")[0] == 1


def test_a_missing_or_cut_file_is_a_failure(tmp_path):
    (tmp_path / "cut.xml").write_text(CTEST[:50])
    status, lines = count("x=pass", tmp_path / "none.xml", tmp_path / "cut.xml")
    assert status == 1 and lines[-1] == "1 passed, 2 failed, 0 skipped"
