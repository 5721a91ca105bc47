// Transfer functions of prescribed form: a parameter's share of its range is the sigmoid of an intercept and a few
// attributes times coefficients that are the same for all places (as in multiscale parameter regionalization, Samaniego
// et al. 2010, doi 10.1029/2008WR007327; here at the scale of a place).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dpl/learning/sequence_network.hpp"

namespace dpl {

/// [output][predictor] its column of network.input_var_names, as network.transfer names them. Throws Error (nearest
/// name) for a parameter that is not among `output_names` or an attribute that the network does not read, and where the
/// table is empty.
std::vector<std::vector<Index>> transfer_predictors(const NetworkConfig& config,
                                                    const std::vector<std::string>& output_names);

/// Raw outputs of one place: intercept of an output + sum of coefficient times predictor. **Local.**
/// @param attributes   [attribute], standardised
/// @param coefficients output by output: its intercept, then one a predictor
std::vector<double> transfer_outputs(const std::vector<std::vector<Index>>& predictors,
                                     std::span<const double> attributes, std::span<const double> coefficients);

/// The same as a network: weights static.intercept [output] (plan.start_outputs at the start) and static.coefficient
/// [predictor of all outputs], which start at zero.
std::unique_ptr<SequenceNetwork> make_transfer_network(const SequencePlan& plan);

}  // namespace dpl
