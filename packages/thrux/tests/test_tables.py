"""Tables of numbers: what is read, what is refused and in which words."""

import gzip

import numpy as np
import pytest
from thrux import Limits, ThruxError
from thrux.tables import read_table, write_matrix

pytestmark = pytest.mark.fast


@pytest.fixture
def table(tmp_path):
    def write(text, name="table.tsv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "name", "names", "values"),
    [
        ("a\tb\n1\t2\n3\t4\n", "t.tsv", ("a", "b"), [[1, 2], [3, 4]]),
        ("1\t2\n3\t4\n", "t.tsv", ("1", "2"), [[1, 2], [3, 4]]),
        ('"a, b",c\r\n1e-3,-2\r\n', "t.csv", ("a, b", "c"), [[1e-3, -2]]),
        ("a\tb\nn/a\t2\n\t4\nNaN\tinf\n", "t.tsv", ("a", "b"), [[np.nan, 2], [np.nan, 4], [np.nan, np.inf]]),
        ("  1.0   2.0\n\n -3  +4 \n", "t.txt", ("1", "2"), [[1, 2], [-3, 4]]),
        ("# made by hand\n1 2  # first\n3 4\n", "t.1D", ("1", "2"), [[1, 2], [3, 4]]),
        ("a,b\n1,2\n", "t.txt", ("a", "b"), [[1, 2]]),
        ("a\tb\n1\t2\n", "t.txt", ("a", "b"), [[1, 2]]),
        ("\ufeffa\tb\n1\t2\n", "t.tsv", ("a", "b"), [[1, 2]]),
        ("n/a\t2\n1\t2\n", "t.tsv", ("1", "2"), [[np.nan, 2], [1, 2]]),
        ("5\n6\n", "t.csv", ("1",), [[5], [6]]),
        (gzip.compress(b"a\tb\n1\t2\n", mtime=0), "t.tsv.gz", ("a", "b"), [[1, 2]]),
    ],
)
def test_what_is_read(table, text, name, names, values):
    found = read_table(table(text, name))
    assert found.names == names
    assert found.values.dtype == np.float64
    np.testing.assert_array_equal(found.values, values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "rows is none: the table is empty"),
        ("\n\n", "the table is empty"),
        ("a\tb\n", "there is nothing below the names"),
        ("a\tb\n1\t2\n3\n", "line 3 is 1 columns long: the first line has 2"),
        ("a\tb\n1\tx\n", "line 2, column b is x: it is no number, nor n/a"),
        ("a\tb\n1\t1_0\n", "column b is 1_0: it is no number"),
        ("\tb\n0\t2\n", "column 1 is without a name"),
        ("a\ta\n1\t2\n", "column 2 is a: an earlier column has the same name"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"PK\x03\x04" + bytes(40), "it is no number|nothing below"),
    ],
)
def test_what_is_refused(table, text, words):
    path = table(text)
    with pytest.raises(ThruxError, match=words) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_a_table_without_end_is_refused(table):
    limits = Limits(table=1000)
    with pytest.raises(ThruxError, match="size is more than 0 MiB"):
        read_table(table("1\n" * 501), limits=limits)
    with pytest.raises(ThruxError, match="size is more than 0 MiB"):  # a bomb is not unpacked to its end
        read_table(table(gzip.compress(b"1\n" * 10**6)), limits=limits)
    assert len(read_table(table("1\n" * 500), limits=limits).values) == 500
    with pytest.raises(ThruxError, match="cannot be opened"):
        read_table("none.tsv")


def test_columns_by_name_and_by_pattern(table):
    found = read_table(table("trans_x\trot_x\trot_y\tcsf\trot_[x]\n1\t2\t3\t4\t5\n"))
    assert found.select(["csf", "rot_?"]) == [3, 1, 2]
    assert found.select(["rot_*", "rot_x"]) == [1, 2, 4]
    assert found.select(["rot_[x]"]) == [4]  # a name before a pattern
    assert found.column("csf").tolist() == [4]
    with pytest.raises(
        ThruxError, match=r"column is wm: the table has no such column. It has trans_x, rot_x"
    ):
        found.select(["csf", "wm"])


def test_a_matrix_is_written_whole_or_not_at_all(tmp_path):
    matrix = np.array([[1, 0.123456789012], [-1e-20, 1]])
    write_matrix(tmp_path / "m.tsv", matrix, ["a", "b\tc"])
    lines = (tmp_path / "m.tsv").read_text().splitlines()
    assert lines == ["name\ta\tb c", "a\t1\t0.123456789", "b c\t-1e-20\t1"]
    with pytest.raises(ThruxError, match="--force"):
        write_matrix(tmp_path / "m.tsv", matrix, ["a", "b"])
