import torch

from strokeclock.models.volumetric import VolumetricNetwork


def test_full_size():
    network = VolumetricNetwork(width=32, attention=True, attention_norm="sigmoid", standardised=True).eval()
    assert network.fc.in_features == 896
    shapes = {}
    for name in ("down_tr64", "down_tr128", "down_tr256", "down_tr512"):
        network.encoder.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: shapes.update({name: tuple(output.shape[1:])})
        )
    for number, gate in enumerate(network.attention):
        gate.register_forward_hook(
            lambda _module, _inputs, output, number=number: shapes.update({number: tuple(output.shape[1:])})
        )
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 112, 224, 26)).shape == (1,)
    assert shapes == {
        "down_tr64": (64, 112, 224, 26),
        "down_tr128": (128, 56, 112, 13),
        "down_tr256": (256, 28, 56, 6),
        "down_tr512": (512, 14, 28, 3),
        0: (128,),
        1: (256,),
    }


def test_logit_is_linear_in_pooled_and_attended_features():
    torch.manual_seed(0)
    network = VolumetricNetwork(
        width=2, attention=True, attention_norm="mean_flow", standardised=False
    ).eval()
    hemispheres = torch.rand(2, 3, 16, 24, 9)
    with torch.inference_mode():
        _, second, third, last = network.encoder(hemispheres)
        features = torch.cat(
            [last.flatten(2).mean(2), network.attention[0](second, last), network.attention[1](third, last)],
            dim=1,
        )
        expected = (features * network.fc.weight[0]).sum(1) + network.fc.bias[0]
        torch.testing.assert_close(network(hemispheres), expected)


def test_without_attention_the_classifier_takes_the_global_average_alone():
    network = VolumetricNetwork(width=2, attention=False, attention_norm="sigmoid", standardised=True)
    assert network.fc.in_features == 32
    assert not [name for name in network.state_dict() if "attention" in name]
