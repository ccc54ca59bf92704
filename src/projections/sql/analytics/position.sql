select generation, position
from chat.position
