// Tables: one description of a row, three ways to write it.
#include "common/table.h"

#include <gtest/gtest.h>

namespace dcp::tools {
namespace {

TableRow RowOf(const std::string& policy, double speed, std::optional<double> load) {
  TableRow row;
  row.Add("policy", policy).Show("policy");
  row.Add("speed", speed).Show("speed\ntokens/s", "%.1f");
  row.AddJson("parts", Json::array({Json::object()}));
  row.Add("budgets", Json::array({0.5, 0.75}));
  row.AddCsv("low", 1);
  row.Add("load", OrNull(load)).Show("load", "%.2f");
  row.ShowText("KV", "1 KiB");
  return row;
}

TEST(Table, JsonHoldsFieldsInOrder) {
  EXPECT_EQ(ToJson(std::vector{RowOf("dense", 2, {})}).dump(),
            R"([{"policy":"dense","speed":2.0,"parts":[{}],"budgets":[0.5,0.75],"load":null}])");
  EXPECT_EQ(ToJson({}).dump(), "[]");
}

TEST(Table, CsvQuotesWhatNeedsIt) {
  const std::vector<TableRow> rows = {RowOf("sinks:4,60", 2.5, {}), RowOf("say \"x\"", 3, 0.25), RowOf("a\nb", 1, 1)};
  EXPECT_EQ(ToCsv(rows),
            "policy,speed,budgets,low,load\n"
            "\"sinks:4,60\",2.5,0.5 0.75,1,\n"
            "\"say \"\"x\"\"\",3.0,0.5 0.75,1,0.25\n"
            "\"a\nb\",1.0,0.5 0.75,1,1.0\n");
  EXPECT_EQ(ToCsv({}), "");
}

TEST(Table, TextStandsInColumns) {
  const std::vector<TableRow> rows = {RowOf("dense", 2, {}), RowOf("fen\xc3\xaatre\n", 12.34, 0.25)};
  EXPECT_EQ(ToText(rows),
            "policy        speed  load     KV\n"
            "           tokens/s\n"
            "dense           2.0     -  1 KiB\n"
            "fen\xc3\xaatre\\n      12.3  0.25  1 KiB\n");
  EXPECT_EQ(ToText({}), "");
}

TEST(Table, ListingHasNoHeadings) {
  TableRow row;
  row.Add("policy", "dense").Show("policy").Add("hidden", 3).ShowText("KV cache", "1 KiB");
  EXPECT_EQ(ToListing(row), "policy    dense\nKV cache  1 KiB\n");
}

}  // namespace
}  // namespace dcp::tools
