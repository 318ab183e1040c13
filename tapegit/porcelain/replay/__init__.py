"""`replay`: a tape answers in the place of a model, in a sandbox."""
