"""Q-networks of joint actions, as functions of the action in a given state, and those that ship."""
