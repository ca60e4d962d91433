"""Facts that the scripts and the C side both spell."""
import pathlib
import re

from scripts import FOLDER

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMON = (FOLDER / 'common.lua').read_text()


def test_kind_numbers_are_those_of_kinds_def():
    rows = re.findall(r'^X\((\w+), (\d+),', (ROOT / 'lib/wire/kinds.def').read_text(), re.M)
    table = re.search(r'local KIND = \{(.*?)\}', COMMON, re.S).group(1)
    for name, number in re.findall(r'(\w+) = (\d+)', table):
        assert (name.upper(), number) in rows


def test_every_key_that_a_script_uses_is_in_the_list_of_names():
    listed = set(re.findall(r'[a-z]+', re.search(r'-- Key names.*?local function key', COMMON, re.S).group(0)))
    for file in FOLDER.glob('*.lua'):
        used = {a or b for a, b in re.findall(r"key\('(\w+)'|P \.\. '(\w+)'", file.read_text())}
        assert not used - listed, file.name


def test_bare_scripts_spell_the_same_keys():
    assert "'live:' .. id" in (FOLDER / 'renew.lua').read_text()
    assert "'live:' .. id" in (FOLDER / 'read.lua').read_text()
    assert re.search(r"'log:' \.\. id", (FOLDER / 'read.lua').read_text())
