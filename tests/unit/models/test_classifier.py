"""A network may derive from the classes that say in types what a network is."""

from torch import nn

from strokeclock.models.classifier import Classifier, Trunk


class Stages(Trunk):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.stages = ((self.first,),)


class Network(Classifier):
    def __init__(self):
        super().__init__()
        self.trunk = Stages()


def test_trunk_and_stages_may_be_attributes():
    network = Network()
    assert network.trunk.stages == ((network.trunk.first,),)
    assert [*network.state_dict()] == ["trunk.first.weight", "trunk.first.bias"]
