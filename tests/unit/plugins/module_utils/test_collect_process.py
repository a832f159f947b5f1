# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's interpreter, settings and environment; what goes wrong with them, said in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect import collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.collect_process import run_worker
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.project_process import find_python, merged_environment


def options(site: Any, **changes: Any) -> Options:
    values: dict[str, Any] = {
        "project_path": site.folder,
        "python": str(site.python),
        "release": "v1",
        "dest": site.folder.parent / "out" / "v1",
    }
    return Options(**{**values, **changes})


def refusal(site: Any, **changes: Any) -> str:
    """The message of a collection that is refused, and leaves nothing behind."""
    before = sorted(site.folder.parent.iterdir())
    with pytest.raises(TrundleError) as caught:
        collect(options(site, **changes))
    assert sorted(site.folder.parent.iterdir()) == before
    return caught.value.message


class TestRefusals:
    def test_no_manage_py(self, newest_site: Any) -> None:
        (newest_site.folder / "manage.py").unlink()
        assert refusal(newest_site) == f"There is no manage.py in {newest_site.folder}: is 'project_path' right?"

    @pytest.mark.parametrize("release", ["a/b", "", ".hidden", "x" * 65])
    def test_release_id(self, newest_site: Any, release: str) -> None:
        assert "release id" in refusal(newest_site, release=release)

    def test_no_such_interpreter(self, newest_site: Any) -> None:
        assert "'/no/such/python' does not exist" in refusal(newest_site, python="/no/such/python")
        assert "'no-such-python' is not on PATH" in refusal(newest_site, python="no-such-python")

    def test_interpreter_that_cannot_run(self, newest_site: Any) -> None:
        newest_site.write("python", "text")
        assert "is not an executable file" in refusal(newest_site, python=str(newest_site.folder / "python"))
        (newest_site.folder / "python").chmod(0o755)
        message = refusal(newest_site, python=str(newest_site.folder / "python"))
        assert message.startswith("Failed to start the project's interpreter")

    def test_interpreter_that_is_something_else(self, newest_site: Any) -> None:
        newest_site.write("python", "#!/bin/sh\necho not me >&2\nexit 3\n")
        (newest_site.folder / "python").chmod(0o755)
        assert "ended with status 3 and gave no answer: not me" in refusal(
            newest_site, python=str(newest_site.folder / "python")
        )

    def test_no_django(self, newest_site: Any) -> None:
        newest_site.write("django/__init__.py", "raise ModuleNotFoundError(\"No module named 'django'\")")
        message = refusal(newest_site)
        assert "Django cannot be imported by" in message
        assert "No module named 'django'" in message

    @pytest.mark.parametrize(
        ("settings", "cause"),
        [
            pytest.param("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'", id="import"),
            pytest.param("1 +", "SyntaxError: invalid syntax (site_settings.py, line 1)", id="syntax"),
            pytest.param("import sys; sys.exit(4)", "it called sys.exit(4)", id="exit"),
            pytest.param("raise RuntimeError('a\\nb')", "b", id="error"),
        ],
    )
    def test_settings_that_do_not_import(self, newest_site: Any, settings: str, cause: str) -> None:
        newest_site.write("site_settings.py", settings)
        message = refusal(newest_site)
        assert message.startswith("Failed to import the settings module 'site_settings': ")
        assert cause in message
        assert "(site_settings.py, line 1)" in message

    def test_settings_that_do_not_exist(self, newest_site: Any) -> None:
        message = refusal(newest_site, settings="no.such")
        assert message == (
            "Failed to import the settings module 'no.such': ModuleNotFoundError: No module named 'no'. "
            "Name the right one in 'settings', or mend what it imports."
        )

    def test_apps_that_do_not_load(self, newest_site: Any) -> None:
        newest_site.settings('INSTALLED_APPS += ["no_such_app"]')
        message = refusal(newest_site)
        assert message.startswith(
            "Failed to set up Django with the settings module 'site_settings': ModuleNotFoundError"
        )

    def test_no_static_url(self, newest_site: Any) -> None:
        newest_site.settings("STATIC_URL = None")
        assert refusal(newest_site).startswith("STATIC_URL is not set in 'site_settings'")
        collected = collect(options(newest_site, static_url="https://cdn.example.com/s"))
        assert collected.record.static_url == "https://cdn.example.com/s/"

    def test_no_staticfiles_app(self, newest_site: Any) -> None:
        newest_site.settings('INSTALLED_APPS.remove("django.contrib.staticfiles")')
        assert refusal(newest_site) == "'django.contrib.staticfiles' is not in INSTALLED_APPS of 'site_settings'."

    def test_djangos_checks(self, newest_site: Any) -> None:
        newest_site.settings('STATICFILES_DIRS = "assets"')
        assert "staticfiles.E001" in refusal(newest_site)

    def test_storage_that_does_not_import(self, newest_site: Any) -> None:
        newest_site.storage("no_such.Storage")
        assert refusal(newest_site) == (
            "Failed to make the project's static files storage 'no_such.Storage': "
            "ModuleNotFoundError: No module named 'no_such'"
        )

    def test_python_that_is_too_old(self, newest_site: Any) -> None:
        newest_site.write("python", f"#!/bin/sh\nsed 's/(3, 8)/(9, 8)/' | {newest_site.python} -\n")
        (newest_site.folder / "python").chmod(0o755)
        assert "3.8 is the oldest that works" in refusal(newest_site, python=str(newest_site.folder / "python"))

    def test_file_name_that_no_url_can_have(self, newest_site: Any) -> None:
        newest_site.write(b"assets/\xff.txt".decode("utf-8", "surrogateescape"), "x")
        assert "is not UTF-8" in refusal(newest_site)


class TestSettings:
    """Which settings module: the option, the environment, manage.py's own choice."""

    OTHER = "from site_settings import *\nSTATIC_URL = '/other/'\n"

    def test_manage_py_chooses(self, newest_site: Any) -> None:
        assert collect(options(newest_site)).worker["settings"] == "site_settings"

    def test_the_environment_goes_before_manage_py(self, newest_site: Any) -> None:
        newest_site.write("other.py", self.OTHER)
        collected = collect(options(newest_site, environment={"DJANGO_SETTINGS_MODULE": "other"}))
        assert (collected.worker["settings"], collected.record.static_url) == ("other", "/other/")

    @pytest.mark.parametrize("manage_py", ["", "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'x'"])
    def test_the_option_goes_before_all(self, newest_site: Any, manage_py: str) -> None:
        newest_site.write("manage.py", manage_py)
        newest_site.write("other.py", self.OTHER)
        collected = collect(options(newest_site, settings="other", environment={"DJANGO_SETTINGS_MODULE": "no"}))
        assert (collected.worker["settings"], collected.record.static_url) == ("other", "/other/")

    def test_what_manage_py_does_first_is_done(self, newest_site: Any) -> None:
        newest_site.write(
            "manage.py",
            "import os, sys\n"
            "def main():\n"
            "    assert sys.argv[1:] == ['collectstatic', '--noinput']\n"
            "    sys.path.append(os.path.join(os.path.dirname(__file__), 'apps'))\n"
            "    os.environ['FROM_DOTENV'] = 'yes'\n"
            "    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'inner.settings')\n"
            "    from django.core.management import execute_from_command_line\n"
            "    execute_from_command_line(sys.argv)\n"
            "if __name__ == '__main__':\n"
            "    main()\n",
        )
        newest_site.write("apps/inner/__init__.py", "")
        newest_site.write(
            "apps/inner/settings.py", "from site_settings import *\nimport os\nos.environ['FROM_DOTENV']\n"
        )
        assert collect(options(newest_site)).worker["settings"] == "inner.settings"

    def test_manage_py_that_fails(self, newest_site: Any) -> None:
        newest_site.write("manage.py", "import dotenv_that_is_not_there\n")
        message = refusal(newest_site)
        assert message.startswith(f"Failed to run {newest_site.folder}/manage.py: ModuleNotFoundError")
        assert message.endswith("(manage.py, line 1)")

    def test_manage_py_that_names_none(self, newest_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
        newest_site.write("manage.py", "")
        assert "names no settings module" in refusal(newest_site)


class TestTheProgram:
    def test_prints_of_the_project_disturb_nothing(self, site: Any) -> None:
        site.settings(
            "import os, subprocess, sys, threading, time",
            'print("noise"); print("noise", file=sys.stderr)',
            "os.write(1, b'{\"result\": {}}\\n')",
            'subprocess.Popen(["sleep", "30"])',
            "threading.Thread(target=time.sleep, args=(30,)).start()",
        )
        assert collect(options(site)).changed

    def test_environment_reaches_the_project(self, newest_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SHOP_GONE", "x")
        newest_site.settings("import os", 'assert "SHOP_GONE" not in os.environ', 'STATIC_URL = os.environ["SHOP_URL"]')
        environment = {"SHOP_URL": "https://a/", "SHOP_GONE": None}
        assert collect(options(newest_site, environment=environment)).record.static_url == "https://a/"

    def test_environment_values_are_in_no_message(self, newest_site: Any) -> None:
        newest_site.settings("import os", 'raise ValueError("bad url " + os.environ["DATABASE_URL"])')
        secret = "postgres://shop:hunter2@db/shop"
        assert refusal(newest_site, environment={"DATABASE_URL": secret}).count("ValueError: bad url ********") == 1

    def test_environment_values_are_in_no_list_of_processes(self, newest_site: Any) -> None:
        newest_site.settings(
            'with open("/proc/self/cmdline") as stream: shown = stream.read()',
            'assert shown.split("\\0")[1:] == ["-", ""], shown',
        )
        assert collect(options(newest_site, environment={"SECRET_KEY": "hunter2"})).changed

    def test_progress_is_told(self, newest_site: Any) -> None:
        for number in range(40):
            newest_site.write(f"assets/{number}.txt", "x")
        newest_site.write(
            "slow.py",
            "import time\n"
            "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
            "class Slow(ManifestStaticFilesStorage):\n"
            "    def save(self, *args, **kwargs):\n"
            "        time.sleep(0.03)\n"
            "        return super().save(*args, **kwargs)\n",
        )
        newest_site.storage("slow.Slow")
        seen: list[Any] = []

        def worker(python: str, request: Any, environment: Any) -> dict[str, Any]:
            return run_worker(python, request, environment, progress=seen.append)

        collect(options(newest_site), worker=worker)
        assert seen[0] == {"phase": "find", "done": 0, "total": 0}
        assert any(message["phase"] == "copy" and 0 < message["done"] < message["total"] for message in seen)


def test_one_hash_seed_unless_the_user_has_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    assert merged_environment({})["PYTHONHASHSEED"] == "0"
    assert merged_environment({"PYTHONHASHSEED": "7"})["PYTHONHASHSEED"] == "7"


class TestFindPython:
    def test_a_virtualenv_of_the_project_comes_first(self, tmp_path: Path) -> None:
        assert find_python(None, tmp_path) == sys.executable
        python = tmp_path / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        # The link is kept: resolved, it would be the interpreter without the project's packages.
        python.symlink_to(sys.executable)
        assert find_python(None, tmp_path) == str(python)
        assert find_python(str(python), tmp_path) == str(python)

    def test_a_name_is_looked_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "snake").symlink_to(sys.executable)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_python("snake", tmp_path) == str(tmp_path / "snake")


class TestEnvironment:
    def test_variables_of_this_python_are_not_the_projects(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", "/modules/of/another/python")
        monkeypatch.setenv("PYTHONHOME", "/another/python")
        assert not {"PYTHONPATH", "PYTHONHOME"} & set(merged_environment({}))
        assert merged_environment({"PYTHONPATH": "/srv/shop/lib"})["PYTHONPATH"] == "/srv/shop/lib"

    def test_none_takes_a_variable_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRUNDLE_X", "1")
        assert "TRUNDLE_X" not in merged_environment({"TRUNDLE_X": None})
        assert merged_environment({"TRUNDLE_X": "2"})["TRUNDLE_X"] == "2"
