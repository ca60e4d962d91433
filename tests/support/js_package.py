"""lib/js as the npm package that it is, and the examples of its README."""
import re
import shutil
import subprocess

from support.processes import ROOT

README = ROOT / "lib/js/README.md"


def run(folder, *argv, **options):
    """What a command prints; it must succeed."""
    done = subprocess.run([str(a) for a in argv], cwd=folder, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout[-20000:]}\n{done.stderr[-5000:]}"
    return done.stdout


def install(folder):
    """Packs it as npm does and unpacks it into the folder's node_modules, beside the packages that it is used with."""
    archive = folder / run(folder, "npm", "pack", "--silent", ROOT / "lib/js").split()[-1]
    target = folder / "node_modules/sluice-client"
    shutil.rmtree(target, ignore_errors=True)
    shutil.unpack_archive(archive, folder / "unpacked")
    shutil.move(folder / "unpacked/package", target)
    archive.unlink()


def examples(suffix):
    """The README's blocks of code of that kind."""
    return re.findall(rf"^```{suffix}\n(.*?)^```$", README.read_text(), re.S | re.M)
