"""Goal: `hapair keytab flags` prints flags that work for the keytab at hand, and
finds the order that does not in a flag file there is."""

from keytabs import Entry, done, folder, keytab, refused, write

THREADS = False

VIP, HOST = "vip.example.test", "h1.example.test"
PROXY, IMPALA = Entry(f"proxy/{VIP}"), Entry(f"impala/{HOST}")
WORDS = ("--vip", VIP, "--host", HOST)


def test_the_flags_and_the_lines_of_clients() -> None:
    with folder() as top:
        path = write(f"{top}/k", IMPALA, PROXY)
        said = done("flags", path, *WORDS, "--port", "8006").splitlines()
        assert said[1:4] == [
            f"--principal=proxy/{VIP}@EXAMPLE.TEST",
            f"--be_principal=impala/{HOST}@EXAMPLE.TEST",
            f"--keytab_file={path}",
        ]
        jdbc = f"jdbc:hive2://{VIP}:8006/;principal=proxy/{VIP}@EXAMPLE.TEST"
        assert any(x.startswith("Hive JDBC ") and x.endswith(jdbc) for x in said)
        assert f":21050/;principal=proxy/{VIP}@" in done("flags", *WORDS, path)
        # What it says it finds no fault with.
        for begin, end, words in ((1, 4, WORDS), (5, 7, ())):
            flags = write_text(f"{top}/flags", "\n".join(said[begin:end]))
            assert done("flags", "--lint", flags, path, *words) == f"{flags}: fine\n"


def write_text(path: str, text: str) -> str:
    with open(path, "w") as f:
        f.write(text + "\n")
    return path


def test_what_is_not_in_the_keytab_cannot_be_a_flag() -> None:
    with folder() as top:
        path = write(f"{top}/k", IMPALA, Entry(f"HTTP/{VIP}"))
        said = refused("flags", path, *WORDS)
        assert f"no key of a service/{VIP}; it has:" in said
        assert f"  impala/{HOST}@EXAMPLE.TEST\n" in said
        path = write(f"{top}/k", PROXY)
        assert f"no key of impala/{HOST}; it has:" in refused("flags", path, *WORDS)


def test_swapped_flags_are_found_in_their_file() -> None:
    with folder() as top:
        path = write(f"{top}/k", IMPALA, PROXY)
        flags = write_text(
            f"{top}/flags",
            f"--log_dir=/var/log\n--principal=impala/{HOST}@EXAMPLE.TEST\n"
            f"--be_principal=proxy/{VIP}@EXAMPLE.TEST\n--keytab_file={path}",
        )
        for words in ((), (path,), (path, *WORDS), WORDS):
            ran = keytab("flags", "--lint", flags, *words)
            assert ran.returncode == 1 and len(ran.stdout.splitlines()) == 1
            begin = f"{flags}:2: --principal=impala/{HOST}@EXAMPLE.TEST: swapped"
            assert ran.stdout.startswith(begin)


def test_a_keytab_that_lacks_what_the_flags_say() -> None:
    with folder() as top:
        path = write(f"{top}/k", IMPALA)
        flags = write_text(
            f"{top}/flags",
            f"--principal=proxy/{VIP}@EXAMPLE.TEST\n--be_principal=impala/{HOST}@EXAMPLE.TEST",
        )
        ran = keytab("flags", "--lint", flags, path)
        assert ran.returncode == 1
        assert "the keytab has no key of it" in ran.stdout
        assert f"{flags}: --keytab_file: missing" in ran.stdout
        assert "No such file" in refused("flags", "--lint", f"{top}/none")


def test_wrong_words() -> None:
    for words in ((), ("k",), ("k", "--vip", "v"), ("k", "l", *WORDS), ("--port", "x", "k", *WORDS),
                  ("--port", "70000", "k", *WORDS)):
        assert keytab("flags", *words).returncode == 2, words
