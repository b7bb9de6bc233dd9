// A type as JSON writes it: an enum of words is any of its words.
export type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
