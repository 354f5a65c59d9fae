"""What several masks of one image say together; a toy model whose draws are known stands for any other."""

import json
from pathlib import Path

import pytest
import torch

from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.models.base import KEPT_NOISE, PreparedImages, SegmentationModel
from camseg_core.models.settings import SamplingSettings

SCHEMA_FILE = Path(__file__).resolve().parents[3] / "config" / "camseg.schema.json"
SHARE_OF_FIRST = 0.8
ROWS, COLUMNS = 60, 80


class CoinModel(SegmentationModel):
    """Each pixel of each mask is of class 0 with probability SHARE_OF_FIRST, else of class 1."""

    def __init__(self):
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        self.model_id, self.label_set, self.input_size = "coin", CAMVID, (ROWS, COLUMNS)
        self.prepared = 0

    def image_latent(self, images):
        return images.mean(dim=1, keepdim=True)

    def inference_parts(self):
        return []

    def prepare(self, images, image_latent):
        self.prepared += 1
        return PreparedImages(image_latent, (), (ROWS, COLUMNS))

    def draw(self, prepared, sampling):
        noise = self.starting_noise((1, ROWS, COLUMNS), sampling)
        first = torch.distributions.Normal(0.0, 1.0).cdf(noise) < SHARE_OF_FIRST
        return torch.stack([first, ~first], dim=1).float() * 2.0


class FixedModel(CoinModel):
    """Draws the given logits, one after the other."""

    def __init__(self, *logits):
        super().__init__()
        self.draws = [torch.tensor(each).view(1, -1, 1, 1) for each in logits]

    def draw(self, prepared, sampling):
        return self.draws[sampling.seed]


@pytest.fixture
def image():
    return torch.zeros(1, 3, ROWS, COLUMNS)


def test_agreement_is_that_of_independent_draws(image):
    # With three draws of probability p the majority has all three with p³ + q³ and two of them with 3 p q.
    share = SHARE_OF_FIRST
    segmentation = CoinModel().segment(image, SamplingSettings(seed=1, num_samples=3))
    confidence = segmentation.confidence()
    assert confidence.unique().tolist() == pytest.approx([2 / 3, 1.0])
    expected = share**3 + (1 - share) ** 3
    deviation = (expected * (1 - expected) / (ROWS * COLUMNS)) ** 0.5
    assert float((confidence == 1.0).float().mean()) == pytest.approx(expected, abs=4 * deviation)
    right = share**3 + 3 * share**2 * (1 - share)
    deviation = (right * (1 - right) / (ROWS * COLUMNS)) ** 0.5
    assert float((segmentation.labels() == 0).float().mean()) == pytest.approx(right, abs=4 * deviation)


def test_the_image_is_prepared_once_whatever_the_number_of_masks(image):
    model = CoinModel()
    model.segment(image, SamplingSettings(num_samples=5))
    assert model.prepared == 1


def test_the_masks_are_those_of_successive_seeds(image):
    model = CoinModel()
    alone = [model.segment(image, SamplingSettings(seed=seed)).labels() for seed in (4, 5, 6)]
    together = model.segment(image, SamplingSettings(seed=4, num_samples=3))
    assert torch.equal(together.votes[:, 0], sum((labels == 0).float() for labels in alone) / 3)
    again = model.segment(image, SamplingSettings(seed=4, num_samples=3))
    assert torch.equal(together.labels(), again.labels())
    assert torch.equal(together.confidence(), again.confidence())


def most_samples_of_the_node() -> int:
    def find(schema):
        for name, value in schema.items():
            if name == "num_samples":
                yield value["maximum"]
            elif isinstance(value, dict):
                yield from find(value)

    (most,) = find(json.loads(SCHEMA_FILE.read_text()))
    return most


@pytest.mark.parametrize("others", [0, KEPT_NOISE // 2, KEPT_NOISE - 1])
def test_as_many_masks_as_the_node_may_draw_find_their_noise_in_place_from_the_second_time_on(others):
    # Otherwise no CUDA graph could be captured of them.
    model, seeds = CoinModel(), range(7, 7 + most_samples_of_the_node())

    def noise_of(seeds) -> list[torch.Tensor]:
        for seed in seeds:
            model.starting_noise((1, 2, 2), SamplingSettings(seed=seed))
        return model.kept_noise()[-len(seeds) :]

    noise_of([7, *range(1000, 1000 + others)])  # with the first of them used longer ago than those of other seeds
    first, second = noise_of(seeds), noise_of(seeds)
    assert len(first) == len(seeds)
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_no_more_noise_is_kept_than_said():
    model = CoinModel()
    for seed in range(2 * KEPT_NOISE):
        model.starting_noise((1, 2, 2), SamplingSettings(seed=seed))
    assert len(model.kept_noise()) == KEPT_NOISE


def test_the_majority_decides_though_the_mean_says_otherwise(image):
    segmentation = FixedModel([1.0, 0.0], [1.0, 0.0], [0.0, 9.0]).segment(image, SamplingSettings(num_samples=3))
    assert segmentation.logits.flatten().tolist() == pytest.approx([2 / 3, 3.0])
    assert segmentation.labels().item() == 0
    assert segmentation.confidence().item() == pytest.approx(2 / 3)


def test_of_equal_votes_the_larger_mean_logit_decides(image):
    # The third class has the largest mean but no vote.
    segmentation = FixedModel([3.0, 0.0, 2.9], [0.0, 4.0, 3.9]).segment(image, SamplingSettings(num_samples=2))
    assert segmentation.labels().item() == 1
    assert segmentation.confidence().item() == pytest.approx(0.5)


def test_confidence_of_one_mask_is_the_softmax_of_its_class(image):
    segmentation = FixedModel([0.0, 2.0, 0.0]).segment(image, SamplingSettings())
    e = 2.718281828459045
    assert segmentation.labels().item() == 1
    assert segmentation.confidence().item() == pytest.approx(e**2 / (e**2 + 2))


def test_no_masks_at_all_are_refused():
    with pytest.raises(ConfigurationError, match="num_samples is 0; expected 1 or more"):
        SamplingSettings(num_samples=0)
