"""Tables as people have them: usual names of columns are understood, and times of the clock are explained."""

import pytest

import redwood

HEAD = "Customer,Latitude,Longitude,Demand,Opens,Closes\ndepot,48.1,11.5,,6,14\n"


@pytest.fixture
def shops(tmp_path):
    """Return a function that makes an instance of a CSV file with one more row."""

    def made(row):
        file = tmp_path / "shops.csv"
        file.write_text(HEAD + row)
        return redwood.instance("vrp", customers=str(file), vehicles=[{"number": 1, "capacity": 9}], speed=25)

    return made


def test_usual_names_of_columns_are_understood(shops):
    """A file with the columns customer, latitude, opens and closes is read as one with name, lat, ready and due."""
    instance = shops("Café,48.2,11.6,4,7,9.5\n")
    assert instance.customers == ("Café",)
    assert instance.windows[0].tolist() == [7.0, 9.5]
    assert instance.roads.geographic
