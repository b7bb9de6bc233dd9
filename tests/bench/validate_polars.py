"""A CSV file held against the rules of the contract hr.candidate, with Polars: what the bench `validate` is held against.

Usage: validate_polars.py FILE OUT. Reads text, casts with nulls where a number does not parse, makes a mask a rule and writes
good.parquet, typed, and bad.parquet, as text with the ids of what each row breaks. Prints the rows, the seconds that the work
took and the CPU seconds, the import left out.
"""

import resource
import sys
import time

import polars as pl

LEVELS = {
    "gender": ["Male", "Female", "Other"],
    "relevent_experience": ["No relevent experience", "Has relevent experience"],
    "enrolled_university": ["no_enrollment", "Part time course", "Full time course"],
    "education_level": ["Primary School", "High School", "Graduate", "Masters", "Phd"],
    "major_discipline": ["STEM", "Business Degree", "Humanities", "Arts", "Other", "No Major"],
    "experience": ["<1", *map(str, range(1, 21)), ">20"],
    "company_size": ["<10", "10/49", "50-99", "100-500", "500-999", "1000-4999", "5000-9999", "10000+"],
    "company_type": ["Pvt Ltd", "Funded Startup", "Early Stage Startup", "Public Sector", "NGO", "Other"],
    "last_new_job": ["never", "1", "2", "3", "4", ">4"],
}
NUMBERS = {
    "enrollee_id": pl.Int64,
    "city_development_index": pl.Float64,
    "training_hours": pl.Int32,
    "target": pl.Int32,
}
REQUIRED = ["enrollee_id", "city", "city_development_index", "relevent_experience", "training_hours"]


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def validate(file, out):
    texts = pl.read_csv(file, infer_schema=False)
    typed = texts.with_columns(pl.col(name).cast(kind, strict=False) for name, kind in NUMBERS.items())
    number = {name: typed[name] for name in NUMBERS}
    broken = {f"{name}.type": texts[name].is_not_null() & number[name].is_null() for name in NUMBERS}
    broken |= {f"{name}.required": texts[name].is_null() for name in REQUIRED}
    broken["enrollee_id.range"] = ~number["enrollee_id"].is_between(1, 9_999_999)
    broken["city_development_index.range"] = ~number["city_development_index"].is_between(0, 1)
    broken["training_hours.range"] = ~number["training_hours"].is_between(1, 1000)
    broken["target.level"] = ~number["target"].is_in([0, 1])
    broken["city.format"] = ~texts["city"].str.contains("^city_[0-9]{1,3}$")
    broken |= {f"{name}.level": ~texts[name].is_in(levels) for name, levels in LEVELS.items()}
    broken |= {f"{name}.encoding": texts[name].str.contains("[\ufffd\u00c3]") for name in ["city", *LEVELS]}
    broken["major_discipline.after_school"] = texts["major_discipline"].is_not_null() & texts["education_level"].is_in(
        ["Primary School", "High School"]
    )
    masks = pl.DataFrame({rule: mask.fill_null(False) for rule, mask in broken.items()})
    bad = masks.select(pl.any_horizontal(pl.all())).to_series()
    ids = pl.DataFrame({"id": number["enrollee_id"], "bad": bad})
    # A key is taken by the first good row that has it.
    first_good = ids.with_row_index().filter(~pl.col("bad")).unique("id", keep="first")["index"]
    taken = ~ids.with_row_index()["index"].is_in(first_good.implode()) & ~bad
    masks = masks.with_columns(taken.alias("enrollee_id.unique"))
    bad |= taken
    typed.filter(~bad).write_parquet(f"{out}/polars-good.parquet", compression="zstd", compression_level=1)
    worst = masks.filter(bad)
    rules = worst.select(
        pl.concat_list(pl.when(pl.col(rule)).then(pl.lit(rule)) for rule in worst.columns).list.drop_nulls()
    ).to_series()
    texts.filter(bad).with_columns(rules.alias("_violations")).write_parquet(
        f"{out}/polars-bad.parquet", compression="zstd", compression_level=1
    )
    return len(texts)


begun, cpu_begun = time.perf_counter(), cpu()
rows = validate(sys.argv[1], sys.argv[2])
print(rows, time.perf_counter() - begun, cpu() - cpu_begun)
