"""Questions about a scene: a planner writes a program over a small vision vocabulary, a sandbox runs it"""
