//! `adieu study rules`: rules that learn without back-propagation beside back-propagation, on the very same network,
//! and what each rule's own paper claims.
//!
//! The network is nobody's own: no batch norm, no channel for labels; before each convolution but the first a norm that
//! takes channels apart by class, so that goodness does not reach the next layer. Dense layers have an RMS norm before them,
//! which lets it through: rules whose goodness is a mean of units learn better so. Rates are the best of three on held-out
//! rows of Fashion-MNIST (docs/lab-log.md); all else, the schedule too, is each rule's default, which is its paper's.

use adieu_core::learn::{
    ChannelCompetition, Competition, Contrast, DeeperForward, ForwardForward, LearnerRecipe, LocalHeads,
    SelfContrastive, SoftHebb, Split, Trifecta,
};
use adieu_core::parts::class_score::{ClassScore, Maps, Pooled, Projection};
use adieu_core::parts::label_code::{Distortion, LabelCode, Waves};
use adieu_core::parts::optimizer::AdamW;
use adieu_report::sweep::SweepSummary;

use super::Sweep;
use super::network::{LAYERS, NetworkStudy, adam_w, back_prop, convolutional_pairs};
use crate::recipe::Recipe;

/// What all are compared with.
const BESIDE: &str = "back_prop";

/// A rule, by name, and what its paper claims.
struct Rule {
    name: &'static str,
    claim: &'static str,
    learner: LearnerRecipe,
}

/// Adds what the study has found: errors and costs beside back-propagation, and what the papers claim.
pub fn conclude(study: &NetworkStudy, summary: &mut SweepSummary) {
    let claims = rules(study).into_iter().map(|rule| (rule.name.into(), rule.claim.into())).collect();
    summary.compare_with(BESIDE, claims);
}

/// The sweep, a rule a step; the first is back-propagation. Norms between convolutions take channels apart in as many groups
/// as there are `classes`, which is to divide the width.
pub fn sweep(study: &NetworkStudy, classes: u64) -> Sweep {
    let name = format!("Learning rules on {}", study.data);
    let recipe = |rule: Rule| (rule.name.to_string(), study.recipe(rule.name, 1, classes, rule.learner));
    let all: Vec<(String, Recipe)> = rules(study).into_iter().map(recipe).collect();
    Sweep::side_by_side(&name, study.seeds, all)
}

fn rules(study: &NetworkStudy) -> Vec<Rule> {
    let rule = |name, claim, learner| Rule { name, claim, learner };
    let frozen = Split { at: LAYERS as u64, lower: None, upper: Box::new(back_prop(0.003).into()) };
    let mut all =
        vec![rule(BESIDE, "", back_prop(0.003).into()), rule("random trunk, head only", "", frozen.into())];
    all.extend(class_scores(study.convolutional));
    all.extend(pairs(study.convolutional));
    all.extend(unlabelled());
    all
}

/// Rules by which layers say the classes: no label is an input.
fn class_scores(convolutional: bool) -> Vec<Rule> {
    let heads = |name, claim, rate, score: ClassScore| {
        let (optimizer, head_optimizer) = (adam_w(rate), adam_w(rate));
        let learner = LocalHeads { score, optimizer, head_optimizer, ..LocalHeads::default() };
        Rule { name, claim, learner: learner.into() }
    };
    let deeper = AdamW { rate: 0.08, decay: 5e-4, ..AdamW::default() }.into();
    let mut all = vec![
        Rule {
            name: "deeper_forward",
            claim: "0.70 of the time of an epoch, 0.47 of the memory (ResNet-17, CIFAR-10: 13.8 % wrong)",
            learner: DeeperForward { optimizer: deeper, ..DeeperForward::default() }.into(),
        },
        Rule {
            name: "cw_comp",
            claim: "no cost; 0.58, 7.7 and 21.9 % wrong on MNIST, Fashion-MNIST and CIFAR-10",
            learner: ChannelCompetition::default().into(),
        },
        heads(
            "local heads, projection",
            "Mono-Forward: 0.31 of the memory (MLP-Mixer). Others measured 0.66 of its time, of one seed and unequal patience",
            0.003,
            Projection::default().into(),
        ),
    ];
    if convolutional {
        let slower = "SFF: 1.5 to 3 times the time with many classes, 18.6 % wrong where back-propagation has 21.5 % (CIFAR-10)";
        all.push(heads("local heads, maps", slower, 0.01, Maps::default().into()));
        let half = "AugLocal, MAN: about its errors, 0.55 to 0.6 of the memory";
        all.push(heads("local heads, pooled", half, 0.01, Pooled::default().into()));
    }
    all
}

/// Rules by which layers tell rows with their label from rows with a wrong one.
fn pairs(convolutional: bool) -> Vec<Rule> {
    let rule = |name, claim, learner| Rule { name, claim, learner };
    let published = "somewhat slower, 1.4 % wrong on MNIST as back-propagation has without dropout";
    if !convolutional {
        return vec![rule("forward_forward", published, ForwardForward::default().into())];
    }
    let naive = convolutional_pairs(0.01);
    let (waves, distortion): (LabelCode, LabelCode) = (Waves::default().into(), Distortion::default().into());
    vec![
        rule("forward_forward, label in a corner", published, naive.clone().into()),
        rule(
            "forward_forward, label as waves",
            "no cost; 0.84 % wrong on MNIST",
            ForwardForward { label: waves, ..naive.clone() }.into(),
        ),
        rule(
            "forward_forward, label as distortion",
            "no cost; with waves",
            ForwardForward { label: distortion, ..naive }.into(),
        ),
        rule(
            "trifecta",
            "no cost; 0.42, 8.6 and 16 % wrong on MNIST, Fashion-MNIST and CIFAR-10 (12 layers)",
            Trifecta { optimizer: adam_w(0.003), ..Trifecta::default() }.into(),
        ),
    ]
}

/// Rules that look at no label; a linear softmax says what they have learnt.
fn unlabelled() -> Vec<Rule> {
    vec![
        Rule {
            name: "self_contrastive",
            claim: "1.2 s where SigProp takes 7.5 (a layer and epoch); 0.63 and 19.3 % wrong on MNIST and CIFAR-10",
            learner: SelfContrastive { layers: vec![Contrast::default()], ..SelfContrastive::default() }
                .into(),
        },
        Rule {
            name: "soft_hebb",
            claim: "one epoch without labels; 0.6 and 19.7 % wrong on MNIST and CIFAR-10",
            learner: SoftHebb {
                layers: vec![Competition { rate: 0.001, ..Competition::default() }],
                ..SoftHebb::default()
            }
            .into(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::network::tests::{fair, small};
    use super::*;

    #[test]
    fn every_rule_can_be_and_has_the_same_weights_to_begin_with() {
        for (convolutional, rules) in [(false, 8), (true, 13)] {
            let sweep = sweep(&small(convolutional, 20), 10);
            assert_eq!((sweep.steps.len(), sweep.steps[0].name.as_str()), (rules, BESIDE));
            fair(&sweep);
        }
    }
}
