// Lets a few do something at the same time, and of those who wait the most important first.

interface Waiting {
  who: string;
  go: () => void;
}

export class Turnstile {
  private inside = 0;
  private waiting: Waiting[] = [];

  /** At most `limit` at once; `first` names who goes before all others who wait. */
  constructor(
    private readonly limit: number,
    private readonly first: () => string | null,
  ) {}

  /** Runs `work` for `who` when it is their turn. */
  async pass(who: string, work: () => Promise<void>): Promise<void> {
    if (this.inside < this.limit) this.inside += 1;
    else await new Promise<void>((go) => this.waiting.push({ who, go }));
    try {
      await work();
    } finally {
      this.next();
    }
  }

  private next(): void {
    const preferred = this.waiting.findIndex(({ who }) => who === this.first());
    const [chosen] = this.waiting.splice(Math.max(0, preferred), 1);
    // Who comes next takes the place of who goes.
    if (chosen) chosen.go();
    else this.inside -= 1;
  }
}
