from geoglot.tasks.change.result import ClassChange
from geoglot.tasks.change.time_series import table_of


def test_a_table_of_pixels_has_them_to_the_last_one() -> None:
    pixels = (1_048_577, 123_456_789)
    lake = ClassChange("lake", pixels, (None, None), None, None, 0, 0, ({},))
    rows = table_of([lake], ("a", "b"), (None, None)).splitlines()
    assert rows == ["date,day,lake (pixels)", "a,,1048577", "b,,123456789"]
