"""The traceback of an unexpected error has the code location, and no message."""

from engine.safe_traceback import safe_traceback

NUMBER = "3171014506900001"
NAME = "Siti Aminah"


def failing() -> None:
    try:
        {NAME: NAME}[NUMBER]
    except LookupError as error:
        raise RuntimeError(NAME) from error


def get_traceback(*, with_messages: bool = False) -> str:
    try:
        failing()
    except RuntimeError as error:
        return safe_traceback(error, with_messages=with_messages)
    raise AssertionError


def test_it_contains_types_and_lines_of_code_of_the_error_and_its_cause() -> None:
    text = get_traceback()
    assert text.startswith("RuntimeError\n")
    assert "caused by KeyError\n" in text
    assert "in failing" in text


def test_it_contains_no_message() -> None:
    assert NUMBER not in get_traceback()
    assert NAME not in get_traceback()


def test_it_contains_messages_only_with_the_option() -> None:
    assert "RuntimeError: Siti Aminah" in get_traceback(with_messages=True)


def test_it_ends_after_five_causes() -> None:
    error = ValueError("0")
    for n in range(20):
        following = ValueError(str(n))
        following.__cause__ = error
        error = following
    assert safe_traceback(error).count("caused by") == 4


def test_errors_that_cause_each_other_do_not_loop() -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__context__, second.__context__ = second, first
    assert safe_traceback(first).count("ValueError") == 5
