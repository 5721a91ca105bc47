// The verb `surrogate`: rounds of archive, surrogate, learning through it, and the program with what was learned.
#include "dpl/experiments/surrogate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/random.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/basin_contest.hpp"
#include "dpl/experiments/basin_training.hpp"
#include "dpl/experiments/report.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/experiments/surrogate_yardstick.hpp"
#include "dpl/learning/metrics.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

/// Thrown from inside a round by all ranks alike.
struct Stopped {};

struct Spread {
  double q25 = 0, median = 0, q75 = 0;
  Count count = 0;
};

Spread spread_of(std::vector<double> values) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  if (values.empty()) return {};
  return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75), static_cast<Count>(values.size())};
}

std::string cells(const Spread& s) {
  return s.count == 0 ? ",,,,0" : fmt::format(",{:.6f},{:.6f},{:.6f},{}", s.q25, s.median, s.q75, s.count);
}

std::string shown(const Spread& s) {
  return s.count == 0 ? "-" : fmt::format("{:.3f} ({:.3f}..{:.3f})", s.median, s.q25, s.q75);
}

Json json_of(const Spread& s) {
  if (s.count == 0) return {{"count", 0}};
  return {{"q25", s.q25}, {"median", s.median}, {"q75", s.q75}, {"count", s.count}};
}

/// What a round tells; round 0: the network before its first update.
struct Round {
  Index number = 0;
  Index runs_per_place = 0;  ///< in the archive that the surrogate was trained on
  Spread runs, places, near;  ///< NSE of the surrogate against the program in the training period, over runs
  std::map<std::string, std::pair<Spread, Spread>> test;  ///< by list: NSE against observations, surrogate and program
};

std::string settings_of(const BasinProblem& p, const std::string& forcing) {
  std::string parameters;
  for (const auto& x : p.config.surrogate.parameters)
    parameters += fmt::format(" {} [{}, {}{}]", x.name, x.low, x.high, x.log_space ? ", log" : "");
  return fmt::format("{}; column {};{}; pet {}; forcing {}", p.config.surrogate.command,
                     p.config.surrogate.output_column, parameters, p.config.runoff.pet, forcing);
}

std::int64_t constants_of(const RunConfig& c) {
  return static_cast<std::int64_t>(c.surrogate.parameters.size() +
                                   (c.surrogate.attributes ? c.network.input_var_names.size() : 0));
}

/// Places whose runs train the surrogate, [place]: those with the larger draws.
std::vector<std::uint8_t> training_places(const BasinProblem& p) {
  const auto held_out = static_cast<std::size_t>(std::floor(p.config.surrogate.holdout_places * p.size() + 0.5));
  std::vector<std::pair<std::uint64_t, std::size_t>> draw;
  for (std::size_t k = 0; k < p.key.size(); ++k)
    draw.emplace_back(random_bits({p.config.seed, Purpose::surrogate_holdout, 0, p.key[k]}), k);
  std::sort(draw.begin(), draw.end());
  std::vector<std::uint8_t> trains(p.key.size(), 1);
  for (std::size_t k = 0; k < held_out; ++k) trains[draw[k].second] = 0;
  return trains;
}

class Study {
 public:
  Study(BasinProblem& training, BasinSeries& series, RunFolder& folder)
      : p_(training),
        series_(series),
        folder_(folder),
        config_(training.config),
        warmup_(evaluation_warmup(config_)),
        scored_(load_basin_problem(p_.comm, config_, BasinUse::score, &p_.statistics)),
        test_series_(read_basin_series(scored_, config_.test.period, warmup_)),
        statistics_(surrogate_statistics(p_, series_, config_.experiment.period)),
        surrogate_({3, constants_of(config_), config_.surrogate.hidden_size, config_.seed}),
        model_(p_, series_, statistics_, surrogate_),
        test_model_(scored_, test_series_, statistics_, surrogate_),
        network_(config_),
        trains_(training_places(p_)) {
    const auto sums = input_checksums(p_.comm, config_.data_sources);
    const auto settings = settings_of(p_, sums.contains("forcing") ? sums.at("forcing") : "");
    archive_ = std::make_unique<SurrogateArchive>(p_, series_, folder_, config_.experiment.period, warmup_, settings);
    tests_ = std::make_unique<SurrogateArchive>(scored_, test_series_, folder_, config_.test.period, warmup_, settings);
    tell_left_out(scored_);
  }

  void run() {
    const SurrogateConfig& s = config_.surrogate;
    const auto held_out = static_cast<Index>(std::floor(s.holdout_runs * s.runs_per_place + 0.5));
    training_runs_ = std::max<Index>(1, s.runs_per_place - held_out);
    log_info("{} places, {} of them train the surrogate, each with {} of {} runs; {} parameters; {} places are scored",
             p_.size(), std::count(trains_.begin(), trains_.end(), 1), training_runs_, s.runs_per_place,
             s.parameters.size(), scored_.size());
    parts_.push_back(made(*archive_, "first", [&](Index own) {
      return first_shares(config_.seed, p_.key[static_cast<std::size_t>(p_.first_own() + own)], s.parameters.size(),
                          s.runs_per_place);
    }));
    Round before;
    test(before, /*with_surrogate=*/false);
    tell(before);
    for (Index round = 1; round <= s.rounds; ++round) tell(one_round(round));
    if (s.yardstick == "hbv") measure_slopes();
    write_timing();
  }

 private:
  Round one_round(Index number) {
    Round round{number, 0, {}, {}, {}, {}};
    std::vector<const std::vector<ArchivePart>*> parts;
    for (const auto& part : parts_) {
      parts.push_back(&part);
      round.runs_per_place += part.empty() ? 0 : part.front().runs;
    }
    round.runs_per_place = static_cast<Index>(p_.comm.max(std::int64_t{round.runs_per_place}));
    stage(number, "surrogate", surrogate_.weights(),
          number == 1 ? Count{config_.surrogate.updates} : Count{config_.surrogate.updates_again},
          [&](const SurrogateWatch& watch) {
            return train_surrogate(model_, surrogate_, parts, trains_, training_runs_, number, watch);
          });
    const auto first = skills(parts_.front());
    const auto runs = static_cast<std::size_t>(config_.surrogate.runs_per_place);
    std::vector<double> other_runs, other_places;
    for (std::size_t i = 0; i < first.size(); ++i) {
      if (trains_[i / runs] == 0) other_places.push_back(first[i]);
      else if (i % runs >= static_cast<std::size_t>(training_runs_)) other_runs.push_back(first[i]);
    }
    round.runs = spread_of(other_runs);
    round.places = spread_of(other_places);
    stage(number, "network", network_.network().weights(),
          Count{config_.experiment.epochs} * p_.config.experiment.updates,
          [&](const SurrogateWatch& watch) { return learn_through(model_, network_, number, watch); });
    const auto learned = network_.shares(p_);
    const std::size_t width = config_.surrogate.parameters.size();
    parts_.push_back(made(*archive_, fmt::format("near_{}", number), [&](Index own) {
      return near_shares(config_.seed, p_.key[static_cast<std::size_t>(p_.first_own() + own)],
                         std::span(learned).subspan(static_cast<std::size_t>(own) * width, width),
                         config_.surrogate.near_spread, config_.surrogate.runs_near, number);
    }));
    round.near = spread_of(skills(parts_.back()));
    test(round, /*with_surrogate=*/true);
    return round;
  }

  // Runs of own places, made or read; a signal ends the study.
  std::vector<ArchivePart> made(SurrogateArchive& archive, const std::string& name,
                                const std::function<std::vector<double>(Index)>& shares_of) {
    const auto start = Clock::now();
    auto parts = archive.make(name, shares_of);
    if (!parts) throw Stopped();
    note(name, start);
    return std::move(*parts);
  }

  // What stored weights depend on: a study may be resumed with more rounds, or with another yardstick.
  RunConfig settled() const {
    RunConfig config = config_;
    config.surrogate.rounds = SurrogateConfig{}.rounds;
    config.surrogate.yardstick = SurrogateConfig{}.yardstick;
    return config;
  }

  // Trains and stores weights, or takes the stored ones of a finished stage.
  void stage(Index round, const char* name, const std::vector<NamedTensor>& weights, Count updates,
             const std::function<bool(const SurrogateWatch&)>& train) {
    const std::string file = fmt::format("rounds/{}/{}", round, name), path = folder_.file(file);
    const bool finished = p_.comm.any(p_.comm.is_root() && std::filesystem::exists(path + "/DONE"));
    if (finished) {
      Checkpoint stored;
      agree(p_.comm, "checkpoint", [&] {
        stored = read_checkpoint(path, weights);
        refuse_other_training(settled(), p_.fingerprint, "set of training basins", p_.forcing.path, stored);
      });
      restore_weights(weights, stored.weights);
      log_info("round {}: {} is trained already", round, name);
      return;
    }
    const auto start = Clock::now();
    std::string table = "update,loss\n";
    Progress progress(fmt::format("round {} {}, update", round, name), updates);
    const bool done = train([&](Count update, double loss) {
      table += fmt::format("{},{:.9g}\n", update, loss);
      progress.show(update, 0, fmt::format("loss {:.4g}", loss));
      return p_.comm.any(stop_requested());
    });
    if (!done) throw Stopped();
    Checkpoint c;
    c.update = updates;
    c.config_yaml = resolved_yaml(settled());
    c.network_fingerprint = p_.fingerprint;
    c.weights = weights;
    c.attribute_names = p_.statistics.names;
    c.attribute_mean = p_.statistics.mean;
    c.attribute_std = p_.statistics.deviation;
    agree_on_root(p_.comm, "checkpoint", [&] { write_checkpoint(path, c); });
    folder_.write_text(p_.comm, fmt::format("rounds/{}/{}.csv", round, name), table);
    note(fmt::format("{}_{}", name, round), start);
  }

  // NSE of the surrogate against the program over the training period, [place][run] on all ranks.
  std::vector<double> skills(const std::vector<ArchivePart>& part) {
    const Period& period = config_.experiment.period;
    const auto days = static_cast<std::size_t>(period.days());
    const auto own_runs = part.empty() ? std::int64_t{0} : std::int64_t{part.front().runs};
    const auto runs = static_cast<std::size_t>(p_.comm.max(own_runs));
    std::vector<double> nse(static_cast<std::size_t>(p_.size()) * runs, 0.0), shares;
    for (const auto& of_place : part) shares.insert(shares.end(), of_place.shares.begin(), of_place.shares.end());
    agree(p_.comm, "surrogate", [&] {
      const auto simulated = model_.simulate(period, warmup_, shares, static_cast<Index>(runs));
      for (std::size_t k = 0; k < part.size(); ++k)
        for (std::size_t r = 0; r < runs; ++r) {
          const auto from = part[k].runoff.begin() + static_cast<std::ptrdiff_t>(r * days);
          const std::vector<double> target(from, from + static_cast<std::ptrdiff_t>(days));
          nse[(static_cast<std::size_t>(p_.first_own()) + k) * runs + r] =
              score(std::span<const double>(simulated).subspan((k * runs + r) * days, days), target).get("nse");
        }
    });
    p_.comm.gather_owned(nse);
    return nse;
  }

  // Learned parameters over the test period, in the program and in the surrogate.
  void test(Round& round, bool with_surrogate) {
    const Period& period = config_.test.period;
    const auto shares = network_.shares(scored_);
    const std::size_t width = config_.surrogate.parameters.size();
    const auto parts = made(*tests_, fmt::format("test_{}", round.number), [&](Index own) {
      const auto from = shares.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(own) * width);
      return std::vector<double>(from, from + static_cast<std::ptrdiff_t>(width));
    });
    std::vector<double> of_program;
    for (const auto& part : parts) of_program.insert(of_program.end(), part.runoff.begin(), part.runoff.end());
    const auto& observed = test_series_.streamflow_mm_day;
    const auto program = basin_scores(scored_, test_series_, observed, of_program);
    std::vector<Metrics> surrogate;
    if (with_surrogate) {
      std::vector<double> made;
      agree(p_.comm, "surrogate", [&] { made = test_model_.simulate(period, warmup_, shares, 1); });
      surrogate = basin_scores(scored_, test_series_, observed, made);
    }
    std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> by_list;
    for (Index k = 0; k < scored_.size(); ++k) {
      const auto at = static_cast<std::size_t>(k);
      const auto add = [&](const std::string& list) {
        if (with_surrogate) by_list[list].first.push_back(surrogate[at].get("nse"));
        by_list[list].second.push_back(program[at].get("nse"));
      };
      add("all");
      add(scored_.list[at]);
      by_basin_ += fmt::format("{},{},{},{},{},{}\n", round.number, scored_.id(k), scored_.list[at],
                               with_surrogate ? fmt::format("{:.6f}", surrogate[at].get("nse")) : "",
                               fmt::format("{:.6f}", program[at].get("nse")),
                               fmt::format("{:.6f}", program[at].get("kge")));
    }
    for (const auto& [list, values] : by_list)
      round.test[list] = {spread_of(values.first), spread_of(values.second)};
    write_parameters(round.number, shares);
  }

  void write_parameters(Index round, const std::vector<double>& own) {
    const auto& parameters = config_.surrogate.parameters;
    std::vector<double> all(static_cast<std::size_t>(scored_.size()) * parameters.size(), 0.0);
    std::copy(own.begin(), own.end(),
              all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(scored_.first_own()) * parameters.size()));
    p_.comm.gather_owned(all);
    to_physical(parameters, all);
    std::string csv = "place_id";
    for (const auto& x : parameters) csv += "," + x.name;
    for (std::size_t i = 0; i < all.size(); ++i)
      csv += (i % parameters.size() == 0 ? "\n" + scored_.id(static_cast<Index>(i / parameters.size())) : "") +
             fmt::format(",{:.9g}", all[i]);
    folder_.write_text(p_.comm, fmt::format("parameters_{}.csv", round), csv + "\n");
  }

  // A line of the table, and the files as far as the rounds are.
  void tell(const Round& round) {
    rounds_.push_back(round);
    std::string csv = "round,runs_per_place";
    for (const char* name : {"surrogate_runs", "surrogate_places", "surrogate_near", "test_surrogate", "test_program"})
      csv += fmt::format(",{0}_q25,{0}_median,{0}_q75,{0}_count", name);
    Json json = Json::array();
    for (const Round& r : rounds_) {
      const auto& all = r.test.at("all");
      csv += fmt::format("\n{},{}", r.number, r.runs_per_place) + cells(r.runs) + cells(r.places) + cells(r.near) +
             cells(all.first) + cells(all.second);
      Json one{{"round", r.number}, {"runs_per_place", r.runs_per_place},
               {"surrogate_nse", {{"other_runs", json_of(r.runs)}, {"other_places", json_of(r.places)}, {"near", json_of(r.near)}}}};
      for (const auto& [list, scores] : r.test)
        one["test_nse"][list] = {{"surrogate", json_of(scores.first)}, {"program", json_of(scores.second)}};
      json.push_back(one);
    }
    folder_.write_text(p_.comm, "rounds.csv", csv + "\n");
    folder_.write_text(p_.comm, "metrics.json", Json{{"rounds", json}}.dump(2) + "\n");
    folder_.write_text(p_.comm, "metrics_by_basin.csv", by_basin_);
    const auto& all = round.test.at("all");
    if (round.number == 0) {
      log_info("untrained parameters in the program, test period: median NSE {}", shown(all.second));
      return;
    }
    log_info("round {}: surrogate against the program, median NSE (quartiles): other runs {}, other places {}, near what "
             "was learned {}", round.number, shown(round.runs), shown(round.places), shown(round.near));
    for (const auto& [list, scores] : round.test)
      log_info("round {}: test period, {} ({} places): NSE in the surrogate {}, in the program {}", round.number, list,
               scores.second.count, shown(scores.first), shown(scores.second));
  }

  void measure_slopes() {
    YardstickTable table;
    const std::size_t width = config_.surrogate.parameters.size();
    std::vector<double> first;  // one run of the archive a place: anywhere in the ranges
    for (const auto& part : parts_.front())
      first.insert(first.end(), part.shares.end() - static_cast<std::ptrdiff_t>(width), part.shares.end());
    table.add("anywhere", model_, first, config_.experiment.period, warmup_);
    table.add("learned", model_, network_.shares(p_), config_.experiment.period, warmup_);
    folder_.write_text(p_.comm, "slopes_by_place.csv", table.by_place);
    folder_.write_text(p_.comm, "slopes.csv", table.by_parameter);
  }

  void note(const std::string& what, Clock::time_point start) {
    timing_ += fmt::format("{},{:.2f}\n", what, std::chrono::duration<double>(Clock::now() - start).count());
  }

  void write_timing() {
    folder_.write_text(p_.comm, "timing.csv", timing_);
    const Count runs = archive_->runs_made() + tests_->runs_made();
    log_info("{} runs of the program in {}", runs, clock_text(archive_->seconds() + tests_->seconds()));
  }

  BasinProblem& p_;
  BasinSeries& series_;
  RunFolder& folder_;
  RunConfig config_;
  Count warmup_;
  BasinProblem scored_;
  BasinSeries test_series_;
  InputStatistics statistics_;
  SurrogateNetwork surrogate_;
  SurrogateModel model_, test_model_;
  ShareNetwork network_;
  std::vector<std::uint8_t> trains_;
  Index training_runs_ = 0;
  std::unique_ptr<SurrogateArchive> archive_, tests_;
  std::vector<std::vector<ArchivePart>> parts_;  // [part][own place]
  std::vector<Round> rounds_;
  std::string by_basin_ = "round,place_id,list,nse_surrogate,nse_program,kge_program\n";
  std::string timing_ = "stage,seconds\n";
};

void check(const VerbContext& context) {
  const RunConfig& c = context.config;
  if (!is_basin_run(c))
    fail("{}: surrogate is for runs over basins: data_sources.forcing must be given, data_sources.network must not",
         context.config_path);
  if (!c.experiment.period.given() || !c.test.period.given())
    fail("config: surrogate needs a training period and a test period; give experiment and test their start_time, end_time");
  if (c.network.kind != "mlp" && c.network.kind != "kan")
    fail("config: network.kind is {}; surrogate learns static parameters from attributes: mlp or kan", c.network.kind);
  if (!(c.experiment.targets.streamflow > 0) || c.experiment.targets.soil_moisture > 0)
    fail("config: experiment.targets.streamflow is {}, soil_moisture {}; surrogate is for streamflow alone",
         c.experiment.targets.streamflow, c.experiment.targets.soil_moisture);
  ExternalProgram program(c.surrogate);
  if (c.surrogate.yardstick == "hbv") check_yardstick(c);
}

}  // namespace

int run_surrogate(const VerbContext& context) {
  agree(context.comm, "configuration", [&] { check(context); });
  RunConfig config = context.config;
  const Communicator& comm = context.comm;
  check_run_folder(comm, config);
  BasinProblem problem = load_basin_problem(comm, config, BasinUse::train);
  tell_left_out(problem);
  if (context.validate_only) {
    log_info("{} basins; configuration is valid; nothing was computed", problem.size());
    return 0;
  }
  const Count warmup = std::max<Count>(evaluation_warmup(config), config.experiment.warmup_days);
  BasinSeries series = read_basin_series(problem, config.experiment.period, warmup);
  for (const auto& warning : series.warnings) log_warning("{}", warning);
  RunFolder folder = begin_run(comm, config);
  try {
    Study(problem, series, folder).run();
  } catch (const Stopped&) {
    log_info("stopped by a signal; continue with resume={}", folder.path());
    return kStoppedBySignal;
  }
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
