"""How well questions are answered, as pure functions: judgements, measures, classes of questions, runs and their comparison."""
