"""A practice assessment backend: plays a training company's learning management system.

It asks for remote sessions, shows the assessment once it is released, receives webhooks and keeps
verified reports. It stands apart: it imports nothing of the service and speaks to it by HTTP only.
"""
