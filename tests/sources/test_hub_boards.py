def test_values_are_percentages_and_verified_says_so(parsed):
    scores = parsed("hub-boards").scores
    new = scores[scores["model"].eq("acme/new-7b") & scores["benchmark"].eq("gpqa_diamond@hub")]
    told = dict(zip(new["setting"], new["score"].round(9), strict=True))
    assert told == {"verified": 0.412, "reported; with tools": 0.45}


def test_doubtful_values_and_unknown_boards_are_counted(parsed):
    notes = parsed("hub-boards").notes
    assert notes["values of at most 1 on a scale of 100"] == 1
    assert notes["values outside their scale"] == 1
    assert notes["boards of datasets without a rule"] == 1


def test_the_hub_and_the_repositories_mean_the_same_benchmarks(parsed):
    reported = set(parsed("hub-models").scores["benchmark"])
    assert "gpqa_diamond@hub" in reported & set(parsed("hub-boards").scores["benchmark"])
