import os
from pathlib import Path

import pytest

from sst.errors import Problems, UserError
from sst.project.app import App
from sst.project.program import load
from sst.project.project import Project, open_project

CONFIG = 'import sst\ndef config(input):\n    return sst.Config(name="app")\n'


@pytest.fixture(autouse=True)
def _environment() -> object:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def project(root: Path, text: str, **files: str) -> Project:
    (root / "sst_config.py").write_text(text)
    for name, body in files.items():
        (root / f"{name}.py").write_text(body)
    return open_project(root / "sst_config.py", stage="local", environ={})


def declare(root: Path, text: str, **files: str) -> App:
    p = project(root, text, **files)
    return p.declare(p.graph())


def problem(root: Path, text: str, **files: str) -> str:
    with pytest.raises(UserError) as e:
        declare(root, text, **files)
    return str(e.value)


def test_stacks_hand_values_to_one_another_and_return_outputs(tmp_path: Path) -> None:
    app = declare(tmp_path, CONFIG + """
def stacks(app):
    d = app.stack(data)
    app.stack(api, d, suffix="!")
def data(stack):
    return ["x"]
def api(stack, things, suffix):
    return {"url": things[0] + suffix + stack.name + stack.stage}
""")
    assert app.outputs == {"url": "x!apilocal"}


def test_run_with_and_without_the_app(tmp_path: Path) -> None:
    assert declare(tmp_path, CONFIG + "def run():\n    return {'a': 1}\n").outputs == {"a": 1}
    assert declare(tmp_path, CONFIG + "def run(app):\n    return {'a': app.name}\n").outputs == {"a": "app"}


def test_an_output_that_is_no_number(tmp_path: Path) -> None:
    said = problem(tmp_path, CONFIG + "def run():\n    return {'a': [float('nan')]}\n")
    assert "run() returns the output \"a\" with the number nan, which JSON can't hold" in said


def test_a_second_load_sees_the_files_as_they_are_now(tmp_path: Path) -> None:
    text = CONFIG + "import part\ndef run():\n    return {'a': part.value}\n"
    assert declare(tmp_path, text, part="value = 1\n").outputs == {"a": 1}
    assert declare(tmp_path, text, part="value = 2\n").outputs == {"a": 2}, "the same length within the same second"
    assert not (tmp_path / "__pycache__").exists()


def test_the_files_that_were_imported_are_known(tmp_path: Path) -> None:
    p = project(tmp_path, CONFIG + "def run():\n    import part\n", part="")
    p.declare(p.graph())
    assert {f.name for f in p.program.files} == {"sst_config.py", "part.py"}


def test_a_mistake_is_told_by_the_users_own_line(tmp_path: Path) -> None:
    assert "ZeroDivisionError: division by zero (sst_config.py:5)" in problem(
        tmp_path, CONFIG + "def run():\n    1 / 0\n"
    )
    deep = problem(tmp_path, CONFIG + "import part\ndef run():\n    part.go()\n",
                   part="import json\ndef go():\n    json.loads('{')\n")
    assert "part.py:3" in deep and "JSONDecodeError" in deep


def test_a_method_that_is_given_another_kind_of_value_says_what_it_takes(tmp_path: Path) -> None:
    start = f"{CONFIG}\nfrom sst import aws\ndef run():\n    b = aws.Bucket('B')\n"
    said = problem(tmp_path, start + "    b.notify(3)\n")
    assert "notifications of notify() takes a list, not 3 (sst_config.py:8)" in said and "notifications=[...]" in said
    wrong = problem(tmp_path, start + "    b.subscribe('api.handler', events=None)\n", api="def handler(e, c): pass\n")
    assert "events of subscribe() takes a list, not None (sst_config.py:8)" in wrong
    assert "TypeError: 'int' object is not iterable (sst_config.py:8)" in problem(tmp_path, start + "    list(3)\n")


def test_what_is_used_before_it_is_declared(tmp_path: Path) -> None:
    text = CONFIG + """
from sst import aws
def run():
    aws.Service("Api", cluster=cluster)
    cluster = aws.Cluster("Cluster", vpc=aws.Vpc("Net"))
"""
    with pytest.raises(UserError) as e:
        declare(tmp_path, text)
    assert "'cluster'" in e.value.message and e.value.where == "sst_config.py:7"
    assert e.value.hint == "cluster is set further down, or not on this way: declare it above"


def test_syntax_and_imports(tmp_path: Path) -> None:
    assert "(sst_config.py:1)" in problem(tmp_path, "def config(:\n")
    assert "SyntaxError" in problem(tmp_path, "def config(:\n")
    assert "null bytes (sst_config.py)" in problem(tmp_path, "x = '\0'\n")
    assert "part.py:2" in problem(tmp_path, CONFIG + "import part\n", part="x = 1\nx ===\n")
    missing = problem(tmp_path, "import nothing_like_this\n")
    assert "ModuleNotFoundError" in missing and "install nothing_like_this" in missing and "sst_config.py:1" in missing
    assert 'did you mean "Config"?' in problem(tmp_path, "from sst import Confg\n")
    wrong = problem(tmp_path, "from sst.aws import Buckett\n")
    assert 'did you mean "Bucket"?' in wrong
    assert "ImportError: cannot import name 'Buckett' from 'sst.aws' (sst_config.py:1)" in wrong


@pytest.mark.parametrize(("text", "message"), [
    ("x = 1\n", "has no config function"),
    ("def config(): return {}\n", "config takes one argument, the input (sst_config.py:1)"),
    ("async def config(input): return {}\n", "can't be async"),
    ("config = 3\n", "is not a function but int"),
    ("def config(input): return 7\n", "config() returned a int"),
    ("def config(input): pass\n", "config() returned nothing"),
    (CONFIG, "no stacks or run function"),
    (CONFIG + "def run(): pass\ndef stacks(app): pass\n", "both stacks and run"),
    (CONFIG + "def stacks(): pass\n", "stacks takes one argument, the app"),
    (CONFIG + "def run(a, b): pass\n", "run takes no argument or the app, not 2"),
    (CONFIG + "async def run(): pass\n", "can't be async"),
    (CONFIG + "def run(): return 3\n", "run() returned a int (sst_config.py:4)"),
    (CONFIG + "def run(): return {'a': object()}\n", 'returns the output "a" with a object'),
    (CONFIG + "def run(): return {1: 2}\n", "returns an output named 1"),
    (CONFIG + "def run(app):\n    app.stack(3)\n", "app.stack takes a function, not 3 (sst_config.py:5)"),
    (CONFIG + "def run(app):\n    app.transform(3, {})\n", "app.transform takes a kind"),
    (CONFIG + "from sst import aws\ndef run():\n    aws.Bucket.get('B')\n",
     "Bucket.get() needs 'bucket_name' (sst_config.py:6)"),
    (CONFIG + "from sst import aws\ndef run():\n    aws.Queue('B').subscribe('a.b', size=3)\n",
     "Queue.subscribe() has no argument 'size' (sst_config.py:6)"),
    (CONFIG + "def run():\n    exit(3)\n", "called exit(3) (sst_config.py:5)"),
    (CONFIG + "def run():\n    run()\n", "without end"),
    (CONFIG.replace("app", "a b") + "def run(): pass\n", "not valid"),
    (CONFIG.replace('"app"', '"app", version=">=99"') + "def run(): pass\n", 'asks for version ">=99"'),
])
def test_a_program_of_the_wrong_shape(tmp_path: Path, text: str, message: str) -> None:
    assert message in problem(tmp_path, text)


def test_two_stacks_with_one_output_name(tmp_path: Path) -> None:
    text = (CONFIG + "def stacks(app):\n    app.stack(a)\n    app.stack(b)\n"
            "def a(s): return {'x': 1}\ndef b(s): return {'x': 2}\n")
    assert 'stack "b" returns the output "x", which another stack returns too' in problem(tmp_path, text)


def test_all_problems_of_a_program_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "sst_config.py").write_text(CONFIG + "def run(): return {1: 2, 'a': object()}\n")
    p = open_project(tmp_path / "sst_config.py", stage="local", environ={})
    with pytest.raises(Problems) as e:
        p.declare(p.graph())
    assert len(e.value.errors) == 2


@pytest.mark.parametrize("own", ["sst.py", "sst/__init__.py"])
def test_a_module_that_hides_the_package_is_refused(tmp_path: Path, own: str) -> None:
    (tmp_path / own).parent.mkdir(exist_ok=True)
    (tmp_path / own).write_text("")
    (tmp_path / "sst_config.py").write_text(CONFIG)
    with pytest.raises(UserError, match="hides the sst package"):
        load(tmp_path / "sst_config.py")


def test_env_files_reach_the_program(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text("SST_TEST_WORD=hello\n")
    app = declare(tmp_path, CONFIG + "import os\ndef run():\n    return {'a': os.environ['SST_TEST_WORD']}\n")
    assert app.outputs == {"a": "hello"}


def test_the_region(tmp_path: Path) -> None:
    file = tmp_path / "sst_config.py"
    file.write_text(CONFIG)
    aws = tmp_path / "aws_config"
    aws.write_text("[default]\nregion = eu-north-1\n[profile work]\nregion = eu-west-3\n")
    empty = {"AWS_CONFIG_FILE": str(tmp_path / "none")}
    assert open_project(file, stage="local", environ=empty).region == "us-east-1"
    assert open_project(file, stage="prod", environ={"AWS_REGION": "eu-west-1",
                                                     "AWS_DEFAULT_REGION": "x"}).region == "eu-west-1"
    assert open_project(file, stage="prod", environ={"AWS_CONFIG_FILE": str(aws)}).region == "eu-north-1"
    assert open_project(file, stage="prod", environ={"AWS_CONFIG_FILE": str(aws),
                                                     "AWS_PROFILE": "work"}).region == "eu-west-3"
    os.environ.pop("AWS_REGION", None)
    with pytest.raises(UserError, match="no AWS region is set"):
        open_project(file, stage="prod", environ=empty)
