/** Chooses who gets a delivery: the rules by which a group's consumers share the work. */
import { type Consumer, type Delivery, hasRoom } from './delivery.ts'
import type { StrategyName } from './group-settings.ts'

export interface ConsumerStrategy {
  /** Who gets it; undefined when those who may have it have no room now. */
  choose<Who extends Consumer>(delivery: Delivery, consumers: readonly Who[]): Who | undefined
  /** The delivery is in the consumer's hands. */
  taken(delivery: Delivery, consumer: Consumer): void
  /** It no longer is, whatever came of it. */
  released(delivery: Delivery): void
}

export function createStrategy(name: StrategyName): ConsumerStrategy {
  if (name === 'RoundRobin') return new RoundRobin()
  return name === 'DispatchToSingle' ? new DispatchToSingle() : new Pinned()
}

/** Each in turn, passing over those without room. */
class RoundRobin implements ConsumerStrategy {
  #next = 0

  choose<Who extends Consumer>(_delivery: Delivery, consumers: readonly Who[]): Who | undefined {
    for (let tried = 0; tried < consumers.length; tried += 1) {
      const at = (this.#next + tried) % consumers.length
      const consumer = consumers[at] as Who
      if (!hasRoom(consumer)) continue
      this.#next = at + 1
      return consumer
    }
    return undefined
  }

  taken(): void {}
  released(): void {}
}

/** The one that came first, until it has no room. */
class DispatchToSingle implements ConsumerStrategy {
  choose<Who extends Consumer>(_delivery: Delivery, consumers: readonly Who[]): Who | undefined {
    return consumers.find(hasRoom)
  }

  taken(): void {}
  released(): void {}
}

/**
 * All of one pin to one consumer. As long as anything of a pin is unanswered its consumer stays the same, whoever comes;
 * otherwise the highest of the weights of (pin, consumer) decides, so that few pins move when somebody comes or goes.
 */
class Pinned implements ConsumerStrategy {
  /** Only pins with something unanswered, so no more than there are deliveries in flight. */
  readonly #held = new Map<string, { consumer: Consumer; count: number }>()

  choose<Who extends Consumer>({ pin }: Delivery, consumers: readonly Who[]): Who | undefined {
    const held = this.#held.get(pin)?.consumer
    const consumer = consumers.find((candidate) => candidate === held) ?? heaviest(pin, consumers)
    return consumer && hasRoom(consumer) ? consumer : undefined
  }

  taken({ pin }: Delivery, consumer: Consumer): void {
    const held = this.#held.get(pin)
    if (held?.consumer === consumer) held.count += 1
    else this.#held.set(pin, { consumer, count: 1 })
  }

  released({ pin }: Delivery): void {
    const held = this.#held.get(pin)
    if (!held) return
    held.count -= 1
    if (held.count <= 0) this.#held.delete(pin)
  }
}

function heaviest<Who extends Consumer>(pin: string, consumers: readonly Who[]): Who | undefined {
  let best: Who | undefined
  let most = -1
  for (const consumer of consumers) {
    const weight = weightOf(pin, consumer.id)
    if (weight > most) [best, most] = [consumer, weight]
  }
  return best
}

/** Rendezvous weight: FNV-1a over both texts, ended by the finaliser of MurmurHash3. */
function weightOf(pin: string, id: string): number {
  let hash = fnv(fnv(0x811c_9dc5, pin), id)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function fnv(seed: number, text: string): number {
  let hash = seed
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193)
  return hash
}
