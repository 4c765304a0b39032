"""Check a network before it is trained: that it has what trainings, Grad-CAM and Figure 4 use of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from strokeclock.explanation.gradcam import map_evidence
from strokeclock.figures.network_description import describe_network
from strokeclock.models.architecture import Architecture
from strokeclock.models.attention import NORMS
from strokeclock.models.classifier import Classifier
from strokeclock.models.registry import find_network
from strokeclock.models.standardisation import prepare
from strokeclock.models.view import View
from strokeclock.settings.check import check_configuration
from strokeclock.settings.merged import merge_files
from strokeclock.specification_check import SpecificationCheck
from strokeclock.training.checkpoint import CheckpointError, inherit
from strokeclock.training.phases import network_settings

_HEMISPHERES = 2
_SHIFT = 20.0  # of the bias of fc
_TOLERANCE = 1e-3  # of the largest logit: sums in another order differ by less


def check_network_of(name: str, files: Sequence[Path]) -> str:
    """Check a network with the settings of configuration files (`check_network`), which need no patients.

    Returns
    -------
    What `check_network` returns, and a sentence where files are given that would not train the network.

    Raises
    ------
    NetworkError
        No network has this name, or something is wrong with it.
    ConfigurationError
        The configuration is refused.
    """
    find_network(name)  # a missing network is the reason of further faults
    config = merge_files(files)
    if not config["cohort"]["sheet"] and not config["phantom"]["patients"]:
        config["phantom"]["patients"] = 1
    check_configuration(config)
    said = check_network(name, config)
    if files and name not in config["training"]["networks"]:
        said += f" This configuration would not train it: add {name} to training.networks."
    return said


def check_network(name: str, config: Mapping[str, Any]) -> str:
    """Build a network with a configuration's settings, without and with attention gates, and try both.

    The network gets random hemispheres of the configured grid and channels, as a whole: models.view is not
    applied, because the box of the brain comes from the atlas.

    Parameters
    ----------
    name : the network's (`registry.networks`).
    config : the whole configuration.

    Returns
    -------
    A sentence: the shapes of input and output, and the number of weights.

    Raises
    ------
    NetworkError
        Something is wrong with the network; one sentence says what, and what to correct.
    ConfigurationError
        The settings do not fit the network.
    """
    spec = find_network(name)
    x, y, z = config["preprocessing"]["grid"]
    plain, gated = (
        _Check(
            spec,
            Architecture.of(
                network_settings(name, config["models"]),
                box=None,
                net=name,
                grid=(x // 2, y, z),
                attention=attention,
            ),
        )
        for attention in (False, True)
    )
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        without, with_gates = plain.build(), gated.build()
        for check, network in ((plain, without), (gated, with_gates)):
            check.members(network)
            check.names(network)
            check.logits(network)
            check.stages(network)
            check.step(network)
            check.explanations(network)
            check.prepared(network)
            check.unbounded(network)
        for other in plain.list_others():
            other.seen(other.build())
        gated.normalised(with_gates)
        gated.inheritance(with_gates, parent=without)
        gated.figure()
    specification = SpecificationCheck(spec)
    specification.described(network_settings(name, config["models"]))
    specification.line()
    specification.sources()
    specification.without_torch()
    shape = ", ".join(map(str, plain.hemispheres.shape[1:]))
    return (
        f"The {name} network can be trained: hemispheres (n, {shape}) give logits (n,); it has "
        f"{_count(without):,} weights, {_count(with_gates):,} with attention gates."
    )


@dataclass(frozen=True)
class _Check(SpecificationCheck):
    """The checks of one architecture; each raises NetworkError."""

    architecture: Architecture
    case: str = ""  # in what the architecture differs from the configuration's

    @property
    def _subject(self) -> str:
        gates = "with" if self.architecture.attention else "without"
        return f"{super()._subject} {gates} attention gates{self.case}"

    @property
    def hemispheres(self) -> torch.Tensor:
        """Random hemispheres (n, channels, x, y, z), 0 to 1, unlike each other, with some background."""
        shape = (len(self.architecture.channels), *self.architecture.grid)
        values = np.random.default_rng(0).uniform(0.1, 1, (_HEMISPHERES, *shape)).astype(np.float32)
        values[1:] **= 4
        values[:, :, :2] = 0
        return torch.from_numpy(values)

    def build(self) -> Classifier:
        with self._calling("build(architecture)"):
            return self.architecture.build()

    def members(self, network: Classifier) -> None:
        """Check what `Classifier` has, and the trunk's stages."""
        if not isinstance(network, nn.Module):
            raise self._fault(
                f"build returns a {type(network).__name__}, no torch.nn.Module", "return the network"
            )
        if getattr(network, "view", None) != self.architecture.view:
            raise self._fault("it has no view, or another one", "keep the argument view as self.view")
        for method in ("begin", "finish"):
            own = getattr(type(network), method, None)
            if not callable(own) or own is getattr(Classifier, method):
                raise self._fault(f"it has no method {method}", "add it")
        children = dict(network.named_children())
        if (
            self.spec.trunk not in children
            or getattr(network, "trunk", None) is not children[self.spec.trunk]
        ):
            raise self._fault(
                f"trunk is {self.spec.trunk!r} in SPEC, and network.trunk is no module of that name",
                "name the module in SPEC, and let the attribute or property trunk return it",
            )
        inside = set(network.trunk.modules())
        stages = getattr(network.trunk, "stages", None)
        if not (
            isinstance(stages, tuple)
            and stages
            and all(isinstance(stage, tuple) and inside.issuperset(stage) for stage in stages)
        ):
            raise self._fault(
                "trunk.stages is not a tuple of tuples of the trunk's modules",
                "return one, as in tests/networks/tiny.py",
            )
        if not isinstance(getattr(network, "fc", None), nn.Linear):
            raise self._fault("it has no fc, a torch.nn.Linear with one output", "call its last layer fc")
        if network.fc.out_features != 1:
            raise self._fault(
                f"its fc has {network.fc.out_features} outputs, not one",
                "let fc give the logit of a lesion, or of the shorter time, alone",
            )
        gates = getattr(network, "attention", None)
        if self.architecture.attention and not (isinstance(gates, nn.Module) and _count(gates)):
            raise self._fault(
                "it has no attention gates where the argument attention is true",
                "keep them as self.attention (models.attention.GridAttention); phase 4 trains them",
            )
        if not self.architecture.attention and gates is not None:
            raise self._fault(
                "it has attention gates where the argument attention is false", "let self.attention be None"
            )

    def names(self, network: Classifier) -> None:
        """Check the modules and tensors that the specification names."""
        spec, modules, tensors = self.spec, dict(network.named_modules()), network.state_dict()
        for choice, frozen in {"": spec.early, **spec.early_by_choice}.items():
            field = f"early_by_choice[{choice!r}]" if choice else "early"
            self._named(field, [f"{spec.trunk}.{name}" for name in frozen], modules)
            self._frozen(network, field, [f"{spec.trunk}.{name}" for name in frozen])
        for choice, name in spec.cam_layers.items():
            self._named(f"cam_layers[{choice!r}]", [name], modules)
        for start in spec.head:
            if not any(name.startswith(start) for name in tensors):
                raise self._fault(
                    f"no tensor begins with {start!r}, which head names", "correct head in SPEC"
                )
        self._named("first_convolution", [spec.first_convolution], tensors)
        module = network.get_submodule(spec.first_convolution.rpartition(".")[0])
        if not isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            raise self._fault(
                f"first_convolution names a tensor of a {type(module).__name__}",
                "name the weight of a convolution; it must be the first layer with weights",
            )
        inputs, channels = tensors[spec.first_convolution].shape[1:2], len(self.architecture.channels)
        if inputs != (channels,):
            raise self._fault(
                f"first_convolution, {spec.first_convolution}, does not take the {channels} channels",
                "name the weight of the convolution that does in SPEC",
            )

    def _named(self, field: str, names: Sequence[str], there: Mapping[str, Any]) -> None:
        for name in names:
            if name not in there:
                raise self._fault(f"{field} names {name!r}, which is not there", f"correct {field} in SPEC")

    def _frozen(self, network: Classifier, field: str, names: Sequence[str]) -> None:
        """Check that modules are the first stages of the trunk, each as a whole."""
        frozen = {id(weight) for name in names for weight in network.get_submodule(name).parameters()}
        passed = False  # a stage that is not frozen
        for number, stage in enumerate(network.trunk.stages, start=1):
            weights = _weights(stage)
            if weights - frozen and weights & frozen:
                raise self._fault(
                    f"{field} ends inside stage {number} of the trunk",
                    f"name all modules of the stage in {field}, or divide the stage",
                )
            if passed and weights & frozen:
                raise self._fault(
                    f"{field} names stage {number} of the trunk and leaves out an earlier one",
                    f"name the first stages in {field}",
                )
            passed = passed or bool(weights - frozen)
            frozen -= weights
        if frozen:
            raise self._fault(
                f"{field} names modules that belong to no stage of the trunk", "add them to trunk.stages"
            )

    def logits(self, network: Classifier) -> None:
        """Check the logits of several hemispheres, and of one."""
        hemispheres = self.hemispheres
        network.eval()
        self._begin(network, 0)  # its fault is clearer than what it leads to
        whole = self._run(network, hemispheres)
        if not torch.equal(whole, self._run(network, hemispheres)):
            raise self._fault(
                "it gives other logits when it is run again",
                "let it draw nothing at random unless self.training is true (nn.Dropout does so)",
            )
        one = self._run(network, hemispheres[1:])
        if not _are_equal(one, whole[1:]):
            raise self._fault(
                "its logit of a hemisphere depends on the others",
                "keep the hemispheres apart, on the first axis",
            )

    def _run(self, network: Classifier, hemispheres: torch.Tensor) -> torch.Tensor:
        with self._calling("forward"), torch.inference_mode():
            logits = network.eval()(hemispheres)
        return self._shaped("forward", logits, len(hemispheres))

    def _shaped(self, method: str, logits: object, count: int) -> torch.Tensor:
        if not isinstance(logits, torch.Tensor):
            raise self._fault(f"{method} returns a {type(logits).__name__}, no tensor", "return logits (n,)")
        if logits.shape != (count,):
            raise self._fault(
                f"{method} returns the shape {tuple(logits.shape)} for {count} hemispheres, not ({count},)",
                "return one logit for each, as fc(features).squeeze(1)",
            )
        if not logits.isfinite().all():
            raise self._fault(f"{method} returns logits that are not finite", "look for a division by 0")
        return logits

    def stages(self, network: Classifier) -> None:
        """Check that `begin` and `finish` make the whole, wherever they are cut, from maps that were kept."""
        hemispheres, stages = self.hemispheres, network.trunk.stages
        turned = self._run(network, hemispheres).flip(0)
        for count in range(len(stages) + 1):
            cut = f"stages={count}"
            maps = self._begin(network, count)
            kept = tuple(torch.cat(kind.chunk(_HEMISPHERES)[::-1]) for kind in maps)
            with self._calling(f"finish(maps, {cut})"), torch.inference_mode():
                logits = network.finish(kept, stages=count)
            if not _are_equal(self._shaped(f"finish(maps, {cut})", logits, _HEMISPHERES), turned):
                raise self._fault(
                    f"begin and finish with {cut} give other logits than the whole network",
                    f"let begin run the first {count} stages and finish the others alone",
                )
            if count:
                self._own_weights(network, count)
        with (
            self._calling("finish in bfloat16"),
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16),
        ):
            logits = network.finish(kept, stages=len(stages))
        if logits.dtype != torch.float32:
            raise self._fault(
                f"in bfloat16 its logits are {logits.dtype}, not torch.float32",
                "keep weights and maps in float32"
                if logits.dtype == torch.float64
                else "call fc within torch.autocast(…, enabled=False), as tests/networks/tiny.py does",
            )

    def _begin(self, network: Classifier, count: int) -> tuple[torch.Tensor, ...]:
        call = f"begin(seen, stages={count})"
        with self._calling(call), torch.inference_mode():
            maps = network.begin(network.view.see(self.hemispheres), stages=count)
        if not (isinstance(maps, tuple) and maps and all(isinstance(kind, torch.Tensor) for kind in maps)):
            raise self._fault(f"{call} returns no tuple of tensors", "return (maps,)")
        for kind in maps:
            if kind.ndim == 0 or kind.shape[0] % _HEMISPHERES or not len(kind):
                raise self._fault(
                    f"{call} returns the shape {tuple(kind.shape)} for {_HEMISPHERES} hemispheres",
                    "let the first axis be hemispheres, or slices hemisphere by hemisphere",
                )
        return maps

    def _own_weights(self, network: Classifier, count: int) -> None:
        """Check that the first stages use no other weights than their own, which alone may be frozen."""
        own = set().union(*map(_weights, network.trunk.stages[:count]))
        weights = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
        with self._calling(f"begin(seen, stages={count})"):
            maps = network.begin(network.view.see(self.hemispheres[:1]), stages=count)
            total = sum(kind.float().sum() for kind in maps)
            if not isinstance(total, torch.Tensor) or not total.requires_grad:
                return
            gradients = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
            if gradient is not None and id(weight) not in own:
                raise self._fault(
                    f"begin(seen, stages={count}) uses {name}, which trunk.stages has in no such stage",
                    "list each module in the stage that runs it",
                )

    def step(self, network: Classifier) -> None:
        """Check that a training step gives finite gradients, those of the gates among them."""
        network.train().zero_grad()
        hemispheres = self.hemispheres
        with self._calling("a training step"):
            seen = network.view.see(hemispheres)
            logits = network.finish(network.begin(seen, stages=0), stages=0)
            self._shaped("in training finish", logits, _HEMISPHERES)
            functional.binary_cross_entropy_with_logits(logits, torch.arange(_HEMISPHERES) % 2.0).backward()
        gradients = {
            name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None
        }
        if wrong := [name for name, gradient in gradients.items() if not gradient.isfinite().all()]:
            raise self._fault(f"the gradient of {wrong[0]} is not finite", "look for a division by 0")
        parts = {"trunk": f"{self.spec.trunk}.", "fc": "fc."}
        if self.architecture.attention:
            parts["attention gates"] = "attention."
        for part, start in parts.items():
            if not any(gradient.any() for name, gradient in gradients.items() if name.startswith(start)):
                raise self._fault(
                    f"its logits do not depend on the weights of its {part}", f"let finish use {part}"
                )
        learned = (name for name, weight in network.named_parameters() if weight.requires_grad)
        if unused := [name for name in learned if name not in gradients]:
            raise self._fault(f"its logits do not use the weight {unused[0]}", "use it, or remove it")
        network.zero_grad()

    def unbounded(self, network: Classifier) -> None:
        """Check that the logits follow the bias of fc, so that they are no probabilities."""
        if network.fc.bias is None:
            raise self._fault("its fc has no bias", "leave out bias=False")
        logits = []
        for change in (-_SHIFT, 2 * _SHIFT):
            network.fc.bias.data += change
            logits.append(self._run(network, self.hemispheres[:1]))
        network.fc.bias.data -= _SHIFT
        low, high = logits
        if (high - low).min() < _SHIFT / 10:
            raise self._fault(
                f"its logit stays between {low.item():.2g} and {high.item():.2g}, whatever the bias of fc",
                "let finish return logits, not probabilities: leave out the sigmoid",
            )

    def list_others(self) -> Iterator["_Check"]:
        """Yield the checks of what other settings give: one channel more, and a smaller view."""
        count, (x, y, z) = len(self.architecture.channels) + 1, self.architecture.grid
        channels = tuple(f"series{number}" for number in range(count))
        yield replace(
            self, architecture=replace(self.architecture, channels=channels), case=f", {count} channels"
        )
        average = self.architecture.view.average
        smaller = View(((0, x), (0, y - average[1]), (0, z)), average)
        yield replace(
            self, architecture=replace(self.architecture, view=smaller), case=", a box of the hemisphere"
        )

    def seen(self, network: Classifier) -> None:
        """Check that `forward` gives what `begin` and `finish` give of the view."""
        hemispheres = self.hemispheres
        logits = self._run(network, hemispheres)
        with self._calling("begin(view.see(hemispheres), stages=0)"), torch.inference_mode():
            wanted = network.finish(network.begin(network.view.see(hemispheres), stages=0), stages=0)
        if not _are_equal(logits, wanted):
            raise self._fault(
                "forward gives other logits than begin and finish",
                "let it return self.finish(self.begin(self.view.see(hemispheres), stages=0), stages=0)",
            )

    def explanations(self, network: Classifier) -> None:
        """Check the maps of the layers that the specification names for Grad-CAM, and make it."""
        slices = self.architecture.view.size(self.architecture.grid)[2]
        for choice, layer in self.spec.cam_layers.items():
            field = f"cam_layers[{choice!r}]"
            outputs: list[object] = []
            hook = network.get_submodule(layer).register_forward_hook(
                lambda *call, to=outputs: to.append(call[-1])
            )
            self._run(network, self.hemispheres[:1])
            hook.remove()
            if not outputs:
                raise self._fault(
                    f"{field} names {layer}, which forward does not call",
                    f"name a module in {field} that is called as a whole",
                )
            shape = tuple(getattr(outputs[0], "shape", ()))
            if not ((len(shape) == 5 and shape[0] == 1) or (len(shape) == 4 and shape[0] in (1, slices))):
                raise self._fault(
                    f"{field} names {layer}, which returns {shape or 'no tensor'} for one hemisphere",
                    "name a module that returns (1, channels, x, y, z) or (slices, channels, y, x)",
                )
            with self._calling(f"Grad-CAM of {layer}, {field},"):
                map_evidence(network, self.hemispheres[0].numpy(), layer=layer)

    def inheritance(self, network: Classifier, *, parent: Classifier) -> None:
        """Check that phase 4, which adds the gates, begins with the logits of the phase before."""
        try:
            inherit(network, parent=parent.state_dict())
        except CheckpointError:
            raise self._fault(
                "its trunk with attention gates has other tensors than without",
                "let both have the same trunk",
            ) from None
        hemispheres = self.hemispheres
        if not _are_equal(self._run(network, hemispheres), self._run(parent, hemispheres)):
            raise self._fault(
                "with attention gates and the weights of the network without, it gives other logits",
                "put the features of the gates behind the others, which fc takes first",
            )

    def prepared(self, network: Classifier) -> None:
        """Check that `begin` begins with `prepare`: a twin without it gets what is prepared."""
        shared = self.architecture.shared
        if not shared["standardised"] and shared["sides"] == 1:
            return
        series = tuple(f"series{number}" for number in range(shared["channels"]))  # no contralateral one
        twin = self._twin(network, standardise=False, channels=series)
        seen = network.view.see(self.hemispheres)
        ready = prepare(seen, standardised=shared["standardised"], sides=shared["sides"])
        with self._calling("begin(seen, stages=0)"), torch.inference_mode():
            wanted = twin.finish(twin.begin(ready, stages=0), stages=0)
            logits = network.finish(network.begin(seen, stages=0), stages=0)
        if not _are_equal(logits, wanted):
            raise self._fault(
                "begin does not begin with models.standardisation.prepare",
                "let it begin with prepare(seen, standardised=self.standardised, sides=self.sides)",
            )

    def normalised(self, network: Classifier) -> None:
        """Check that the gates follow models.attention_norm."""
        hemispheres = self.hemispheres
        logits = self._run(network, hemispheres)
        for norm in {*NORMS} - {self.architecture.attention_norm}:
            twin = self._twin(network, attention_norm=norm)
            if torch.equal(self._run(twin, hemispheres), logits):
                raise self._fault(
                    "its logits are the same with each models.attention_norm",
                    "hand the argument attention_norm to GridAttention, as norm",
                )

    def _twin(self, network: Classifier, **changes: Any) -> Classifier:
        """Build the network with another architecture and the same weights."""
        with self._calling(f"build with other {', '.join(changes)}"):
            twin = replace(self.architecture, **changes).build().eval()
            twin.load_state_dict(network.eval().state_dict())
        return twin

    def figure(self) -> None:
        """Check that Figure 4 can describe the network."""
        with self._calling("Figure 4 (figures/network_description.py)"):
            describe_network(self.architecture)


def _weights(modules: Sequence[nn.Module]) -> set[int]:
    return {id(weight) for module in modules for weight in module.parameters()}


def _are_equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    return torch.allclose(first, second, rtol=0, atol=_TOLERANCE * max(1.0, second.abs().max().item()))


def _count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())
