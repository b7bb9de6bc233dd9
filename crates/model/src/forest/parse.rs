//! The strict reader of LightGBM's model text.
//!
//! Called by [`Forest::parse`]. Reads what LightGBM 4 writes for a binary model and refuses the rest with the line: cut
//! anywhere, a tree of another size than the header says, an array of another length, an index out of range, a child
//! that is no tree's, a number that is none. Memory is bounded by the text's own length.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{Forest, Missing, Node, Test, Tree};
use crate::error::{Error, Result};

const HEADER_KEYS: [&str; 11] = [
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "average_output",
    "feature_names",
    "monotone_constraints",
    "feature_infos",
    "tree_sizes",
];

const TREE_KEYS: [&str; 18] = [
    "num_leaves",
    "num_cat",
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_weight",
    "leaf_count",
    "internal_value",
    "internal_weight",
    "internal_count",
    "cat_boundaries",
    "cat_threshold",
    "is_linear",
    "shrinkage",
];

/// Lines with their numbers, and how many bytes were read.
struct Lines<'a> {
    text: &'a str,
    read: usize,
    number: usize,
}

/// Values by key, with the line each stood on; `end` is the line after them.
struct Section<'a> {
    values: BTreeMap<&'a str, (usize, &'a str)>,
    end: usize,
}

pub(super) fn forest(text: &str) -> Result<Forest> {
    let mut lines = Lines {
        text,
        read: 0,
        number: 0,
    };
    if lines.next()? != "tree" {
        return Err(lines.wrong("a model begins with `tree`"));
    }
    let header = Section::read(&mut lines, &HEADER_KEYS)?;
    let (version_line, version) = header.get("version")?;
    if version != "v4" {
        return Err(Error::text(version_line, "the format is not `v4`"));
    }
    header.must_be("num_class", 1)?;
    header.must_be("num_tree_per_iteration", 1)?;
    header.must_be("label_index", 0)?;
    let sigmoid = sigmoid(header.get("objective")?)?;
    let average = header.values.contains_key("average_output");
    let (names_line, names) = header.get("feature_names")?;
    let feature_names: Vec<String> = names.split(' ').map(str::to_owned).collect();
    let feature_max: usize = header.one("max_feature_idx")?;
    if feature_max.checked_add(1) != Some(feature_names.len()) || feature_names.iter().any(String::is_empty) {
        return Err(Error::text(
            names_line,
            "the features' names are not as many as the features",
        ));
    }
    let (infos_line, infos) = header.get("feature_infos")?;
    if infos.split(' ').count() != feature_names.len() {
        return Err(Error::text(
            infos_line,
            "the features' ranges are not as many as the features",
        ));
    }
    let sizes: Vec<usize> = header.list("tree_sizes")?;
    if sizes.is_empty() {
        return Err(Error::text(header.end, "there is no tree"));
    }
    let mut trees = Vec::with_capacity(sizes.len());
    for (number, size) in sizes.into_iter().enumerate() {
        let start = lines.read;
        trees.push(tree(&mut lines, number, feature_names.len())?);
        if lines.read - start != size {
            return Err(lines.wrong("the tree ends elsewhere than `tree_sizes` says"));
        }
    }
    tail(&mut lines)?;
    Ok(Forest {
        feature_names,
        sigmoid,
        average,
        trees,
        tables: None,
    })
}

/// What follows the trees: importances and parameters, which do not matter to scores but show that the text is whole.
fn tail(lines: &mut Lines<'_>) -> Result<()> {
    if lines.next()? != "end of trees" {
        return Err(lines.wrong("`end of trees` is missing"));
    }
    while lines.next()? != "end of parameters" {}
    while let Ok(line) = lines.next() {
        if !line.is_empty() && !line.starts_with("pandas_categorical:") {
            return Err(lines.wrong("there is text after the end"));
        }
    }
    if lines.read == lines.text.len() {
        Ok(())
    } else {
        Err(lines.wrong("the last line has no end"))
    }
}

fn sigmoid((line, objective): (usize, &str)) -> Result<f64> {
    let slope = objective
        .strip_prefix("binary sigmoid:")
        .ok_or_else(|| Error::text(line, "the objective is not `binary`: other models are not evaluated"))?;
    match slope.parse::<f64>() {
        Ok(slope) if slope.is_finite() && slope > 0.0 => Ok(slope),
        _ => Err(Error::text(line, "the objective's slope is no positive number")),
    }
}

fn tree(lines: &mut Lines<'_>, number: usize, features: usize) -> Result<Tree> {
    if lines.next()?.strip_prefix("Tree=") != Some(number.to_string().as_str()) {
        return Err(lines.wrong(format!("tree {number} does not begin here")));
    }
    let section = Section::read(lines, &TREE_KEYS)?;
    // LightGBM ends a tree with two empty lines; the section took the first.
    if !lines.next()?.is_empty() {
        return Err(lines.wrong("the tree goes on after its end"));
    }
    section.must_be("is_linear", 0)?;
    section.finite("shrinkage", 1)?;
    let leaves: usize = section.one("num_leaves")?;
    let splits = leaves
        .checked_sub(1)
        .ok_or_else(|| Error::text(section.end, "a tree has at least one leaf"))?;
    let leaf_values = section.finite("leaf_value", leaves)?;
    if splits == 0 {
        section.must_be("num_cat", 0)?;
        return Ok(Tree {
            nodes: Vec::new(),
            leaf_values,
            leaf_counts: vec![1],
            words: Vec::new(),
        });
    }
    let leaf_counts = section.exactly("leaf_count", leaves)?;
    section.finite("leaf_weight", leaves)?;
    section.finite("internal_value", splits)?;
    section.finite("internal_weight", splits)?;
    let (words, ranges) = categories(&section)?;
    let nodes = nodes(&section, splits, features, &ranges)?;
    let tree = Tree {
        nodes,
        leaf_values,
        leaf_counts,
        words,
    };
    shape(&tree, section.line("left_child"))?;
    counts(&tree, section.line("internal_count"))?;
    Ok(tree)
}

/// The bit sets of a tree's category splits, and where each begins and ends.
fn categories(section: &Section<'_>) -> Result<(Vec<u32>, Vec<std::ops::Range<usize>>)> {
    let splits: usize = section.one("num_cat")?;
    if splits == 0 {
        let named = ["cat_boundaries", "cat_threshold"]
            .iter()
            .find_map(|key| section.values.get(key));
        return match named {
            Some((line, _)) => Err(Error::text(*line, "there are categories but `num_cat` is 0")),
            None => Ok((Vec::new(), Vec::new())),
        };
    }
    let ends: Vec<usize> = section.list("cat_boundaries")?;
    let words: Vec<u32> = section.list("cat_threshold")?;
    let rising = ends.windows(2).all(|pair| pair[0] < pair[1]);
    if Some(ends.len()) != splits.checked_add(1) || ends[0] != 0 || !rising || ends[splits] != words.len() {
        return Err(Error::text(
            section.line("cat_boundaries"),
            "the bounds of the categories do not fit them",
        ));
    }
    let ranges = ends.windows(2).map(|pair| pair[0]..pair[1]).collect();
    Ok((words, ranges))
}

fn nodes(
    section: &Section<'_>,
    splits: usize,
    features: usize,
    ranges: &[std::ops::Range<usize>],
) -> Result<Vec<Node>> {
    let split_feature: Vec<usize> = section.exactly("split_feature", splits)?;
    let gains = section.finite("split_gain", splits)?;
    let thresholds: Vec<f64> = section.exactly("threshold", splits)?;
    let kinds: Vec<u8> = section.exactly("decision_type", splits)?;
    let left: Vec<i32> = section.exactly("left_child", splits)?;
    let right: Vec<i32> = section.exactly("right_child", splits)?;
    let counts: Vec<u32> = section.exactly("internal_count", splits)?;
    let mut used = 0;
    let mut nodes = Vec::with_capacity(splits);
    for at in 0..splits {
        if split_feature[at] >= features {
            return Err(Error::text(
                section.line("split_feature"),
                format!("split {at} is on no feature"),
            ));
        }
        let test = if kinds[at] & 1 == 1 {
            used += 1;
            category_test(thresholds[at], ranges)
        } else {
            number_test(thresholds[at], kinds[at])
        };
        let Some(test) = test.filter(|_| kinds[at] < 16) else {
            return Err(Error::text(
                section.line("decision_type"),
                format!("split {at} decides in no known way"),
            ));
        };
        nodes.push(Node {
            feature: split_feature[at],
            test,
            left: left[at],
            right: right[at],
            count: counts[at],
            gain: gains[at],
        });
    }
    if used != ranges.len() {
        return Err(Error::text(
            section.line("num_cat"),
            "the category splits are not as many as `num_cat`",
        ));
    }
    Ok(nodes)
}

/// A threshold may be infinite: such a split parts what is missing from all that is not.
fn number_test(threshold: f64, kind: u8) -> Option<Test> {
    if threshold.is_nan() {
        return None;
    }
    let missing = match kind >> 2 {
        0 => Missing::None,
        1 => Missing::Zero,
        2 => Missing::Nan,
        _ => return None,
    };
    Some(Test::Number {
        threshold,
        missing,
        default_left: kind & 2 != 0,
    })
}

/// A category split's threshold is the number of its bit set.
fn category_test(threshold: f64, ranges: &[std::ops::Range<usize>]) -> Option<Test> {
    let whole = threshold >= 0.0 && threshold.fract() == 0.0;
    let words = ranges.get(threshold as usize).filter(|_| whole)?.clone();
    Some(Test::Category { words })
}

/// Holds that children form one tree: every split but the root and every leaf is the child of exactly one split, and of
/// one with a smaller number, so that walks end.
fn shape(tree: &Tree, line: usize) -> Result<()> {
    let (splits, leaves) = (tree.nodes.len(), tree.leaf_values.len());
    let mut split_seen = vec![false; splits];
    let mut leaf_seen = vec![false; leaves];
    for (at, node) in tree.nodes.iter().enumerate() {
        for child in [node.left, node.right] {
            let seen = if child >= 0 {
                split_seen.get_mut(child as usize).filter(|_| child as usize > at)
            } else {
                leaf_seen.get_mut(!child as usize)
            };
            match seen {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(Error::text(line, format!("split {at} has a child that is not its own"))),
            }
        }
    }
    // 2 * splits children, each a different one of splits - 1 + leaves = 2 * splits: none is left out.
    Ok(())
}

/// Holds that the training rows of a split are those of its children: contributions rest on it.
fn counts(tree: &Tree, line: usize) -> Result<()> {
    for (at, node) in tree.nodes.iter().enumerate() {
        let children = tree.count(node.left).checked_add(tree.count(node.right));
        if node.count == 0 || Some(node.count) != children {
            return Err(Error::text(
                line,
                format!("the rows of split {at} are not those of its children"),
            ));
        }
    }
    Ok(())
}

impl<'a> Lines<'a> {
    /// The next line without its end.
    fn next(&mut self) -> Result<&'a str> {
        self.number += 1;
        let rest = &self.text[self.read..];
        let Some(end) = rest.find('\n') else {
            return Err(self.wrong("the text ends here"));
        };
        self.read += end + 1;
        Ok(&rest[..end])
    }

    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::text(self.number, what)
    }
}

impl<'a> Section<'a> {
    /// Reads `key=value` lines up to an empty one.
    fn read(lines: &mut Lines<'a>, keys: &[&str]) -> Result<Self> {
        let mut values = BTreeMap::new();
        loop {
            let line = lines.next()?;
            if line.is_empty() {
                return Ok(Self {
                    values,
                    end: lines.number,
                });
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            if !keys.contains(&key) {
                return Err(lines.wrong("this line is not one that LightGBM writes"));
            }
            if values.insert(key, (lines.number, value)).is_some() {
                return Err(lines.wrong(format!("`{key}` stands twice")));
            }
        }
    }

    fn get(&self, key: &str) -> Result<(usize, &'a str)> {
        self.values
            .get(key)
            .copied()
            .ok_or_else(|| Error::text(self.end, format!("`{key}` is missing")))
    }

    fn line(&self, key: &str) -> usize {
        self.values.get(key).map_or(self.end, |(line, _)| *line)
    }

    fn one<T: FromStr>(&self, key: &str) -> Result<T> {
        let (line, value) = self.get(key)?;
        value
            .parse()
            .map_err(|_| Error::text(line, format!("`{key}` is no number that fits")))
    }

    fn must_be(&self, key: &str, wanted: usize) -> Result<()> {
        if self.one::<usize>(key)? == wanted {
            return Ok(());
        }
        Err(Error::text(
            self.line(key),
            format!("`{key}` is not {wanted}: other models are not evaluated"),
        ))
    }

    fn list<T: FromStr>(&self, key: &str) -> Result<Vec<T>> {
        let (line, value) = self.get(key)?;
        let parts = value.split(' ').filter(|_| !value.is_empty());
        let parsed: std::result::Result<Vec<T>, _> = parts.map(str::parse).collect();
        parsed.map_err(|_| Error::text(line, format!("`{key}` holds what is no number that fits")))
    }

    fn exactly<T: FromStr>(&self, key: &str, length: usize) -> Result<Vec<T>> {
        let list = self.list(key)?;
        if list.len() == length {
            return Ok(list);
        }
        let what = format!("`{key}` holds {} numbers where {length} belong", list.len());
        Err(Error::text(self.line(key), what))
    }

    fn finite(&self, key: &str, length: usize) -> Result<Vec<f64>> {
        let list: Vec<f64> = self.exactly(key, length)?;
        if list.iter().all(|number| number.is_finite()) {
            return Ok(list);
        }
        Err(Error::text(
            self.line(key),
            format!("`{key}` holds what is no finite number"),
        ))
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
