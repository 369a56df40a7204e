"""SEQUOIA: Q-networks of joint actions, maximised exactly inside a mixed-integer program on HiGHS."""
