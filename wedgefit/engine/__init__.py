"""The algorithm, on arrays alone: wedges, pricing, bounds, the convex program and its
certificate."""
